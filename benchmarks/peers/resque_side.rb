# Ruby Resque's side: resque_side.rb URL VERB N prints the seconds that N took.
require "resque"

url, verb, many = ARGV[0], ARGV[1], ARGV[2].to_i
Resque.redis = url
Resque.logger.level = Logger::ERROR

class NoopJob
  @queue = :bench
  def self.perform(*); end
end

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

LATER = 4_000_000_000

case verb
when "enqueue_at", "enqueue_many_at"
  require "resque-scheduler"
  Resque.enqueue_at(LATER, NoopJob, 0, "x")
  start = now
  many.times { |number| Resque.enqueue_at(LATER + number % 100, NoopJob, number, "x") }
when "move_one", "move_many"
  require "resque-scheduler"
  Resque::Scheduler.quiet = true
  Resque::Scheduler.instance_variable_set(:@am_master, true)
  each = verb == "move_one" ? many : 10
  many.times { |number| Resque.enqueue_at(LATER + number / each, NoopJob, number, "x") }
  start = now
  Resque::Scheduler.handle_delayed_items(LATER + many)
  abort "not moved" unless Resque.size(:bench) == many
when "enqueue"
  Resque.enqueue(NoopJob, 0, "x")
  start = now
  many.times { |number| Resque.enqueue(NoopJob, number, "x") }
else
  Resque.redis.pipelined { |piped| many.times { |number| piped.rpush("queue:bench", Resque.encode(class: "NoopJob", args: [number, "x"])) } }
  Resque.watch_queue(:bench)
  worker = Resque::Worker.new("bench")
  worker.fork_per_job = verb != "inline"
  start = now
  worker.work(0)
end
puts now - start
