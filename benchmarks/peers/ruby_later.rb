# resque-scheduler's delayed jobs: the verbs "one N" and "move N EACH" of ours_later.py.
require "resque"
require "resque-scheduler"

Resque.redis = ENV.fetch("BENCH_URL")
Resque.logger.level = Logger::ERROR

class Noop
  @queue = :bench
  def self.perform(*); end
end

LATER = 4_000_000_000

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

verb, many, each = ARGV[0], ARGV[1].to_i, ARGV[2].to_i
case verb
when "one"
  Resque.enqueue_at(2 * LATER, Noop)
  start = now
  many.times { |number| Resque.enqueue_at(LATER + number % 100, Noop, number, "x") }
when "move"
  Resque::Scheduler.quiet = true
  Resque::Scheduler.instance_variable_set(:@am_master, true)
  many.times { |number| Resque.enqueue_at(LATER + number / each, Noop, number, "x") }
  start = now
  Resque::Scheduler.handle_delayed_items(LATER + many)
else
  abort "no such verb: #{verb}"
end
puts now - start
abort "not moved" if verb == "move" && Resque.size(:bench) != many
