# Ruby Resque's side of real jobs: "fill" as pushing.py, and "work"; BENCH_REAL says what a job does.
require "json"
require "resque"

Resque.redis = ENV.fetch("BENCH_URL")
Resque.logger.level = Logger::ERROR

COUNTER, QUERY = "bench:count", "SELECT name FROM people WHERE id = 7"

# A client is made here, where the application is loaded, and used by the job.
WORK =
  case ENV.fetch("BENCH_REAL")
  when "resque.redis"
    -> { Resque.redis.incr(COUNTER) }
  when "INCR"
    client = Redis.new(url: ENV.fetch("BENCH_URL"))
    -> { client.incr(COUNTER) }
  when "HTTP"
    require "net/http"
    address = URI(ENV.fetch("BENCH_HTTP"))
    -> { Net::HTTP.get(address) }
  when "SQLite"
    require "sqlite3"
    lambda do
      database = SQLite3::Database.new(ENV.fetch("BENCH_SQLITE"))
      database.get_first_row(QUERY)
      database.close
    end
  when "PostgreSQL"
    require "pg"
    lambda do
      connection = PG.connect(ENV.fetch("BENCH_POSTGRES"))
      connection.exec(QUERY).values
      connection.close
    end
  end

module Stamp
  def self.write(path)
    File.open(path, File::WRONLY | File::APPEND | File::CREAT) do |file|
      file.syswrite("#{Process.clock_gettime(Process::CLOCK_REALTIME)} #{Process.pid} #{Process.ppid}\n")
    end
  end
end

class Work
  def self.perform(*) = WORK.call
end

class Nap
  def self.perform(seconds, path)
    sleep seconds
    Stamp.write(path)
  end
end

class Marker
  def self.perform(path) = Stamp.write(path)
end

KNOWN = { "work" => Work, "nap" => Nap, "stamp" => Marker }.freeze

case ARGV[0]
when "work"
  Resque::Worker.new("bench").work(ENV.fetch("INTERVAL").to_f)
when "fill"
  Resque.watch_queue(:bench)
  JSON.parse($stdin.read).each do |job, args, many|
    payload = Resque.encode(class: KNOWN.fetch(job).name, args: args)
    many.times.each_slice(1000) do |some|
      Resque.redis.pipelined { |pipe| some.each { pipe.rpush("queue:bench", payload) } }
    end
  end
else
  abort "no such verb: #{ARGV[0]}"
end
