# Ruby Resque's jobs of many kinds: "work", or KIND WAY FEW MANY FOLDER NAPS to enqueue them. Every library is loaded at the start.
require "json"
require "timeout"
require "resque"
require "active_job"
# Resque has an adapter for newer Rails under the same path; an older ActiveJob needs its own.
unless ActiveJob::QueueAdapters.autoload?(:AbstractAdapter)
  require File.join($LOADED_FEATURES.grep(%r{/active_job\.rb\z}).first.delete_suffix(".rb"), "queue_adapters/resque_adapter.rb")
end
require "resque-loner"
require "resque-retry"

Resque.redis = ENV.fetch("BENCH_URL")
Resque.logger.level = Logger::ERROR
ActiveJob::Base.queue_adapter = :resque
ActiveJob::Base.logger = nil
ActiveJob.eager_load! if ActiveJob.respond_to?(:eager_load!)

module Stamp
  def self.write(path)
    File.open(path, File::WRONLY | File::APPEND | File::CREAT) do |file|
      file.syswrite("#{Process.clock_gettime(Process::CLOCK_REALTIME)} #{Process.pid} #{Process.ppid}\n")
    end
  end
end

class Nap
  @queue = :bench
  def self.perform(seconds, path)
    sleep seconds
    Stamp.write(path)
  end
end

class Marker
  @queue = :bench
  def self.perform(path) = Stamp.write(path)
end

class Plain
  @queue = :bench
  def self.perform(*); end
end

class Hooked
  @queue = :bench
  def self.before_perform_look(*); end
  def self.perform(*); end
  def self.after_perform_look(*); end
end

class Timed
  @queue = :bench
  def self.perform(*) = Timeout.timeout(30) {}
end

class Failing
  @queue = :bench
  def self.perform(*) = raise(ArgumentError, "no luck")
end

class Retried
  extend Resque::Plugins::Retry
  @queue = :bench
  @retry_limit = 3
  def self.perform(*); end
end

class Single
  include Resque::Plugins::UniqueJob
  @queue = :bench
  def self.perform(*); end
end

class Active < ActiveJob::Base
  queue_as :bench
  def perform(*); end
end

KINDS = {
  "plain" => Plain, "hooks" => Hooked, "timed" => Timed, "raising" => Failing, "Retry" => Retried, "Loner" => Single
}.freeze

if ARGV[0] == "work"
  Resque::Worker.new("bench").work(ENV.fetch("INTERVAL").to_f)
  exit
end

kind, _way, few, many, folder, naps = ARGV
numbers = 0.step
push = lambda do |more|
  more.times do
    kind == "active" ? Active.perform_later(numbers.next) : Resque.enqueue(KINDS.fetch(kind), numbers.next)
  end
end
naps.to_i.times { Resque.enqueue(Nap, 0.05, File.join(folder, "naps")) }
push.call(few.to_i)
Resque.enqueue(Marker, File.join(folder, "start"))
push.call(many.to_i)
Resque.enqueue(Marker, File.join(folder, "end"))
