# Ruby Resque beside a fleet: reads verbs, one a line, and prints for each how many milliseconds it took.
require "resque"

Resque.redis = ENV.fetch("BENCH_URL")
Resque.logger.level = Logger::ERROR

VERBS = {
  "info" => -> { Resque.info },
  "workers" => -> { Resque.workers },
  "working" => -> { Resque.working },
  # What pyresque's workers() tells of each worker.
  "facts" => lambda {
    Resque.workers.map { |one| [one.job(false), one.started, one.heartbeat, one.processed, one.failed] }
  },
  "prune" => lambda {
    worker = Resque::Worker.new("*")
    worker.hostname = "elsewhere"
    worker.prune_dead_workers
  },
}

$stdout.sync = true
$stdin.each_line do |line|
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  VERBS.fetch(line.strip).call
  puts((Process.clock_gettime(Process::CLOCK_MONOTONIC) - began) * 1000)
end
