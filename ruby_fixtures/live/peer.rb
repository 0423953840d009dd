# frozen_string_literal: true

# A real Resque that does as it is told: one JSON command a line on stdin, one JSON answer a line on stdout.
#
#   {"op": "enqueue", "class": "EchoJob", "args": [1]}   ->   {"ok": true}
#   {"op": "pop", "queue": "nosuch"}                     ->   {"ok": null}
#   {"op": "enqueue", "class": ""}                       ->   {"error": "Resque::NoClassError", "message": "..."}
#
# An argument that JSON cannot say is given as Ruby text: {"op": "enqueue", "class": "EchoJob", "ruby_args": "[:a, 1e400]"}.
# `{"op": "ruby", "code": "..."}` answers the value of any Ruby text. The peer leaves when its stdin ends.

ANSWERS = $stdout.dup
ANSWERS.sync = true
$stdout.reopen($stderr) # a stray puts of a library must not mix with the answers

require_relative "boot"

require "resque/failure/redis"
require "resque/failure/redis_multi_queue"

# The verbs, by the name that a command's "op" says.
module Peer
  OPS = {}
  FAILURE_BACKENDS = {
    "redis" => Resque::Failure::Redis, "redis_multi_queue" => Resque::Failure::RedisMultiQueue
  }.freeze

  def self.op(name, &body)
    OPS[name] = body
  end

  # A class that only the other side knows stays a name, as a Ruby app would have to give it.
  def self.job_class(name)
    Resque.constantize(name)
  rescue NameError
    name
  end

  def self.args(command)
    command.key?("ruby_args") ? eval(command["ruby_args"], TOPLEVEL_BINDING) : command.fetch("args", [])
  end

  # The class and the arguments, as nearly every verb takes them.
  def self.job(command)
    [job_class(command.fetch("class")), *args(command)]
  end

  def self.worker(worker)
    {
      "id" => worker.id, "host" => worker.hostname, "pid" => worker.pid, "queues" => worker.queues,
      "state" => worker.state, "job" => worker.job, "started" => worker.started, "heartbeat" => worker.heartbeat,
      "processed" => worker.processed, "failed" => worker.failed
    }
  end

  def self.answer(command)
    body = OPS[command["op"]] || raise(ArgumentError, "no such op: #{command['op'].inspect}")
    { ok: body.call(command) }
  rescue Exception => e # the test decides what is bad
    { error: e.class.name, message: e.message.to_s.scrub, backtrace: Array(e.backtrace).first(8) }
  end

  # Answers must go through whatever bytes they hold.
  def self.line(answer)
    JSON.generate(answer, max_nesting: false, allow_nan: true)
  rescue JSON::GeneratorError, EncodingError
    JSON.generate(inspected: answer.inspect.b.force_encoding("UTF-8").scrub)
  end

  def self.serve(commands)
    commands.each_line { |text| ANSWERS.puts(line(answer(JSON.parse(text, max_nesting: false)))) }
  end
end

module Peer
  # --- the peer itself
  op("versions") { Live.versions }
  op("ruby") { |c| eval(c.fetch("code"), TOPLEVEL_BINDING.dup) }
  op("configure") do |c|
    Live.connect(c.fetch("namespace", "resque"))
    MultiJson.use(c.fetch("json", "json_gem").to_sym)
    Resque.enqueue_front = c.fetch("enqueue_front", false)
    Resque.inline = false
    Resque::Failure.backend = FAILURE_BACKENDS.fetch(c.fetch("failure_backend", "redis"))
    nil
  end

  # --- queues and jobs
  op("enqueue") { |c| c["queue"] ? Resque.enqueue_to(c["queue"], *job(c)) : Resque.enqueue(*job(c)) }
  op("push") { |c| Resque.push(c.fetch("queue"), c.fetch("item")) }
  op("pop") { |c| Resque.pop(c.fetch("queue")) }
  op("peek") { |c| Resque.peek(c.fetch("queue"), c.fetch("start", 0), c.fetch("count", 1)) }
  op("size") { |c| Resque.size(c.fetch("queue")) }
  op("queues") { Resque.queues }
  op("queue_sizes") { Resque.queue_sizes }
  op("remove_queue") { |c| Resque.remove_queue(c.fetch("queue")) }
  op("dequeue") { |c| Resque.dequeue(*job(c)) }
  op("destroy") { |c| Resque::Job.destroy(c.fetch("queue"), *job(c)) }
  op("encode") { |c| Resque.encode(c.key?("ruby") ? eval(c["ruby"]) : c["value"]) }
  op("decode") { |c| Resque.decode(c.fetch("text")) }
  op("info") { Resque.info }

  # Takes one job of the queue and performs it here, without a worker: what it raises is the answer.
  op("perform_next") { |c| Resque.reserve(c.fetch("queue"))&.perform }

  # --- failures
  op("failures_count") { |c| Resque::Failure.count(c["queue"], c["class"]) }
  op("failures") { |c| Array(Resque::Failure.all(c.fetch("start", 0), c.fetch("count", 1000), *c["queue"])) }
  op("failure_queues") { Resque::Failure.queues }
  op("failures_each") do |c|
    seen = []
    Resque::Failure.each(c.fetch("start", 0), c.fetch("count", 1000), c["queue"], c["class"], c.fetch("order", "desc")) do |id, item|
      seen << [id, item]
    end
    seen
  end
  op("failures_requeue") { |c| Resque::Failure.requeue(c.fetch("index"), *c["queue"]) }
  op("failures_requeue_all") { Resque::Failure.requeue_all }
  op("failures_requeue_queue") { |c| Resque::Failure.requeue_queue(c.fetch("queue")) }
  op("failures_remove") { |c| Resque::Failure.remove(c.fetch("index"), *c["queue"]) }
  op("failures_remove_queue") { |c| Resque::Failure.remove_queue(c.fetch("queue")) }
  op("failures_clear") { |c| Resque::Failure.clear(*c["queue"]) }

  # --- workers; `queues` are those of a worker made for the occasion
  op("workers") { Resque.workers.map { |w| worker(w) } }
  op("working") { Resque.working.map { |w| worker(w) } }
  op("worker") { |c| Resque::Worker.find(c.fetch("id"))&.then { |w| worker(w) } }
  op("worker_pids") { Resque::Worker.new("*").worker_pids }
  op("prune") { |c| Resque::Worker.new(*c.fetch("queues", ["*"])).prune_dead_workers && nil }
  op("unregister") { |c| Resque.remove_worker(c.fetch("id")) && nil }
  op("expired_heartbeats") { Resque::Worker.all_workers_with_expired_heartbeats.map(&:id) }

  # --- delayed jobs; times are seconds since 1970
  op("enqueue_at") do |c|
    at = Time.at(c.fetch("at"))
    c["queue"] ? Resque.enqueue_at_with_queue(c["queue"], at, *job(c)) : Resque.enqueue_at(at, *job(c))
  end
  op("enqueue_in") do |c|
    c["queue"] ? Resque.enqueue_in_with_queue(c["queue"], c.fetch("in"), *job(c)) : Resque.enqueue_in(c.fetch("in"), *job(c))
  end
  op("delay_or_enqueue_at") { |c| Resque.delay_or_enqueue_at(Time.at(c.fetch("at")), *job(c)) }
  op("enqueue_delayed") { |c| Resque.enqueue_delayed(*job(c)) }
  op("remove_delayed") do |c|
    klass, *args = job(c)
    c["queue"] ? Resque.remove_delayed_in_queue(klass, c["queue"], *args) : Resque.remove_delayed(klass, *args)
  end
  op("remove_delayed_selection") { |c| Resque.remove_delayed_selection(job_class(c.fetch("class"))) { |args| args == c.fetch("args") } }
  op("find_delayed_selection") { |c| Resque.find_delayed_selection(job_class(c.fetch("class"))) { |args| args == c.fetch("args") } }
  op("enqueue_delayed_selection") { |c| Resque.enqueue_delayed_selection(job_class(c.fetch("class"))) { |args| args == c.fetch("args") } }
  op("remove_delayed_from_timestamp") { |c| Resque.remove_delayed_job_from_timestamp(c.fetch("at"), *job(c)) }
  op("delayed?") { |c| Resque.delayed?(*job(c)) }
  op("scheduled_at") { |c| Resque.scheduled_at(*job(c)) }
  op("delayed_count") { Resque.count_all_scheduled_jobs }
  op("delayed_timestamps") { |c| Resque.delayed_queue_peek(c.fetch("start", 0), c.fetch("count", 1000)) }
  op("delayed_timestamp_size") { |c| Resque.delayed_timestamp_size(c.fetch("at")) }
  op("delayed_timestamp_peek") { |c| Array(Resque.delayed_timestamp_peek(c.fetch("at"), c.fetch("start", 0), c.fetch("count", 1000))) }
  op("next_delayed_timestamp") { |c| Resque.next_delayed_timestamp(*c["at"]) }
  op("reset_delayed") { Resque.reset_delayed_queue && nil }

  # --- recurring jobs and the master lock; moving what is due needs the lock, as in the scheduler's own process
  op("schedule") { Resque.schedule }
  op("set_schedule") { |c| Resque.set_schedule(c.fetch("name"), c.fetch("config")) }
  op("fetch_schedule") { |c| Resque.fetch_schedule(c.fetch("name")) }
  op("remove_schedule") { |c| Resque.remove_schedule(c.fetch("name")) }
  op("all_schedules") { Resque.all_schedules }
  op("last_enqueued_at") { |c| Resque.get_last_enqueued_at(c.fetch("name")) }
  op("enqueue_from_config") { |c| Resque::Scheduler.enqueue_from_config(c.fetch("config")) && nil }
  op("hold_master") { Resque::Scheduler.master? }
  op("release_master") { Resque::Scheduler.release_master_lock && nil }
  op("master_lock") do
    lock = Resque::Scheduler.master_lock
    { "key" => lock.key, "value" => lock.value, "timeout" => lock.timeout }
  end
  op("move_due") { |c| Resque::Scheduler.handle_delayed_items(*c["at"]) && nil }

  # --- ActiveJob (with RESQUE_ACTIVEJOB=1): the arguments stand by name in activejob.rb
  op("active_job_cases") { LiveActiveJob::ARGUMENTS.keys }
  op("active_job_enqueue") { |c| LiveActiveJob.enqueue(c) }
end

Resque::Scheduler.quiet = true if Live.scheduler?
Peer.serve($stdin)
