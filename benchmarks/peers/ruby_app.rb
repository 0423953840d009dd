# Ruby Resque's side: the verbs of pushing.py, and "work KIND", where FORK_PER_JOB and INTERVAL say how.
require "json"
require "resque"

Resque.redis = ENV.fetch("BENCH_URL")
Resque.logger.level = Logger::ERROR

HEAP = Array.new(1000 * ENV.fetch("BENCH_HEAP_MB", "0").to_i) { Random.bytes(1000) }

module Stamp
  def self.write(path)
    File.open(path, File::WRONLY | File::APPEND | File::CREAT) do |file|
      file.syswrite("#{Process.clock_gettime(Process::CLOCK_REALTIME)} #{Process.pid} #{Process.ppid}\n")
    end
  end
end

class Noop
  @queue = :bench
  def self.perform(*); end
end

class Spin
  @queue = :bench
  def self.perform(milliseconds)
    until_then = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) + milliseconds / 1000.0
    nil while Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) < until_then
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

KNOWN = { "noop" => Noop, "spin" => Spin, "nap" => Nap, "stamp" => Marker }.freeze

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# Resque has no verb for many; the plans are filled in by a pipeline, which nobody measures.
def bulk(job, rows)
  Resque.watch_queue(:bench)
  rows.each_slice(1000) do |some|
    Resque.redis.pipelined do |pipe|
      some.each { |args| pipe.rpush("queue:bench", Resque.encode(class: KNOWN.fetch(job).name, args: args)) }
    end
  end
end

verb, *rest = ARGV
$stdout.sync = true
case verb
when "work"
  worker = Resque::Worker.new("bench")
  worker.fork_per_job = ENV["FORK_PER_JOB"] != "false"
  worker.work(ENV.fetch("INTERVAL").to_f)
when "fill"
  JSON.parse($stdin.read).each { |job, args, many| bulk(job, [args] * many) }
when "push"
  chance = Random.new(1)
  rest[0].to_i.times do
    sleep chance.rand(0.03..0.13)
    puts Process.clock_gettime(Process::CLOCK_REALTIME)
    Resque.enqueue(Marker, rest[1])
  end
when "one"
  Resque.enqueue(Noop, 0, "x")
  start = now
  rest[0].to_i.times { |number| Resque.enqueue(Noop, number, "x") }
  puts now - start
else
  abort "no such verb: #{verb}"
end
