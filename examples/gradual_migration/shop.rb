# frozen_string_literal: true

# The Ruby side of the shop: what a Rails application has under app/jobs, and what starts its workers.
#
#   ruby shop.rb check           leaves with 0 if the gems are there
#   ruby shop.rb work            a worker of the queues default and mailers, as rake resque:work starts it
#   ruby shop.rb enqueue N RATE  enqueues N jobs, then RATE in a second until its stdin ends; prints how many there were
#   ruby shop.rb record N        enqueues N jobs and prints what they wrote, one JSON line a job
#
# REDIS_URL is the Redis. SHOP_GUARD is the file that `pyresque migrate ruby-guard` printed, if there is one.

require "json"
require "logger" # ActiveSupport 6.1 uses Logger without asking for it
require "resque"
require "active_job"
require "resque/plugins/lock"

exit if ARGV.first == "check"

Resque.redis = Redis::Namespace.new("resque", redis: Redis.new(url: ENV.fetch("REDIS_URL")))
Resque.logger = Logger.new($stderr, level: Logger::WARN)

# Resque 3 ships an adapter for Rails 7.2 and later under the path of Rails' own; an older ActiveJob needs its own.
unless ActiveJob::QueueAdapters.autoload?(:AbstractAdapter) || defined?(ActiveJob::QueueAdapters::AbstractAdapter)
  require File.join($LOADED_FEATURES.grep(%r{/active_job\.rb\z}).first.delete_suffix(".rb"), "queue_adapters/resque_adapter.rb")
end
ActiveJob::Base.queue_adapter = :resque
ActiveJob::Base.logger = Logger.new(nil)

module Shop
  # What a job does for the world: here it is noted in Redis, so that run.py can count. It takes its time.
  def self.done(name, *what)
    sleep 0.05
    Resque.redis.rpush("shop:done", JSON.generate(["ruby", name, *what]))
  end

  # The job of a number: of eight numbers, three are receipts.
  def self.enqueue(number)
    case number % 8
    when 0, 3, 5 then ReceiptJob.perform_later(number, total: 1000 + number)
    when 1 then Resque.enqueue(Thumbnails::Make, number)
    when 4 then Resque.enqueue(Thumbnails::Make, number, "large")
    when 2, 6 then Resque.enqueue(StockSync, number)
    else Resque.enqueue(Reports::Daily, number, { "format" => "pdf" })
    end
  end

  def self.enqueue_until_told(first, rate)
    ended = false
    Thread.new { ended = $stdin.read }
    first.times { |number| enqueue(number) }
    count = first
    until ended
      enqueue(count)
      count += 1
      sleep 1.0 / rate
    end
    puts count
  end

  # The payloads and locks of some jobs, in the order in which they were written.
  def self.record(count)
    count.times do |number|
      enqueue(number)
      queue = Resque.queues.find { |one| Resque.size(one).positive? }
      payload = Resque.redis.lpop("queue:#{queue}")
      locks = Resque.redis.keys("lock:*").to_h { |key| [key, Resque.redis.get(key)] }
      Resque.redis.del(*locks.keys) unless locks.empty?
      puts JSON.generate({ "queue" => queue, "payload" => payload, "locks" => locks }.reject { |_, value| value.empty? })
    end
  end
end

module Thumbnails
  # A plain job, whose second argument may be missing.
  class Make
    @queue = :default

    def self.perform(image, size = "small")
      Shop.done("Thumbnails::Make", image, size)
    end
  end
end

# One at a time for each article: resque-lock keeps a second one out while the first is queued or performed.
class StockSync
  extend Resque::Plugins::Lock
  @queue = :default

  def self.perform(article)
    Shop.done("StockSync", article)
  end
end

# A job of ActiveJob. The total is in cents, and so is the tax: 7 / 2 is 3 in Ruby.
class ReceiptJob < ActiveJob::Base
  queue_as :mailers

  def perform(order, total:)
    Shop.done("ReceiptJob", order, total + total * 19 / 100)
  end
end

module Reports
  # Stays in Ruby for now.
  class Daily
    @queue = :default

    def self.perform(day, options = {})
      Shop.done("Reports::Daily", day, options["format"])
    end
  end
end

case ARGV.first
when "work"
  require ENV["SHOP_GUARD"] if ENV["SHOP_GUARD"]
  worker = Resque::Worker.new("default", "mailers")
  worker.prepare
  worker.work(0.1)
when "enqueue" then Shop.enqueue_until_told(Integer(ARGV[1]), Float(ARGV[2]))
when "record" then Shop.record(Integer(ARGV[1]))
else abort "say check, work, enqueue or record"
end
