# frozen_string_literal: true

# Printed by `pyresque migrate ruby-guard`, for Ruby's Resque 2.x and 3.x while classes move to Python's workers on the same queues.
# Load it in the processes of workers, after Resque and its plugins. It hands jobs over to Python's workers that the routing table
# leads to Python, and counts what Ruby performs by class. Where that cannot be done, the worker does as it would without this file.

require "digest"
require "json"
require "resque"

module PyresqueGuard
  TABLE_AGE = 1.0 # seconds for which the routing table is believed
  TRIES = 5       # how often a job goes to the tail of its queue because it can be neither handed over nor performed
  PAUSE = 1.0     # seconds before it does
  NOW = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
  WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
  # The job leaves worker:<id> and comes to the list in one step: whenever this process is killed, it is in one of the two.
  PUT = <<~LUA
    if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
    redis.call("RPUSH", KEYS[2], ARGV[2])
    redis.pcall("SADD", KEYS[3], ARGV[3])
    if KEYS[4] then redis.pcall("SET", KEYS[4], 1, unpack(ARGV, 4)) end
    redis.call("DEL", KEYS[1])
    return 1
  LUA
  COUNT = <<~LUA
    redis.call("HINCRBY", KEYS[1], ARGV[1] .. ":ruby:" .. ARGV[3], 1)
    redis.call("HINCRBY", KEYS[1], ARGV[1] .. ":ruby:us", ARGV[4])
    redis.call("EXPIRE", KEYS[1], 40 * 24 * 3600)
    redis.call("HINCRBY", KEYS[2], ARGV[2] .. ":ruby:" .. ARGV[3], 1)
    redis.call("EXPIRE", KEYS[2], 3 * 3600)
    redis.call("HSET", KEYS[3], "ruby:" .. ARGV[5], ARGV[6])
  LUA

  module Store # keeps the bytes of the job that was popped last
    def pop_from_queue(queue)
      super.tap { |raw| Thread.current[:pyresque_guard] = raw }
    end
  end

  module Worker
    def reserve
      while (job = super)
        return job unless PyresqueGuard.pass_on?(self, job)
        return nil if shutdown? || paused?
      end
    end
  end

  module Job
    def perform
      @pyresque_started = NOW.call
      super.tap { |performed| PyresqueGuard.count(self, "done", @pyresque_started) if performed }
    end

    def fail(exception)
      super
    ensure # whoever prunes a dead worker cannot know whether that was a Ruby worker
      pruned = /PruneDead/.match?(exception.class.name) || exception.message == "Job still being processed"
      PyresqueGuard.count(self, "failed", @pyresque_started) unless pruned
    end
  end

  class << self
    # Whether the job was handed over to Python, or put back: then this worker must not perform it.
    def pass_on?(worker, job)
      name, pythons = decide(job.payload)
      return false if pythons.nil?
      return true if pythons && put(worker, job, "migrate:queue:#{job.queue}", "migrate:queues")
      return false if known?(job, name) || tries_of(job) > TRIES
      sleep PAUSE
      put(worker, job, "queue:#{job.queue}", "queues")
    end

    # Counts a job for the brake and the ledger of pyresque.
    def count(job, ended, started)
      name, = routed(job.payload)
      return if name.empty? || name.size > 256 || Resque.inline? || !known?(job, name)
      took = started ? ((NOW.call - started) * 1_000_000).to_i : 0
      day, hour, minute, second = Time.now.utc.strftime("%F %H %M %s").split
      whole, lately = "migrate:performed:#{day}:#{name}", "migrate:lately:#{day}T#{hour}:#{name}"
      Resque.redis.eval(COUNT, keys: [whole, lately, "migrate:last"], argv: [hour, minute, ended, took, name, second])
    rescue StandardError => e
      warn_once("a job is not counted", e)
    end

    # The class that rules are matched with, and the job_id of an ActiveJob.
    def routed(payload)
      name, args = payload.is_a?(Hash) ? payload.values_at("class", "args") : nil
      return ["", nil] unless name.is_a?(String)

      held = args[0] if name.gsub(/\A:+|:+\z/, "") == WRAPPER && args.is_a?(Array) && args.size == 1
      held = nil unless held.is_a?(Hash) && held["job_class"].is_a?(String)
      name = held["job_class"] if held
      path = (name.include?("-") ? Resque.classify(name) : name).split("::")
      path.shift if path.first&.empty?
      [path.join("::"), held && held["job_id"]]
    end

    # The place of a job in its class, from 0 to 100; pyresque computes the same.
    def place(payload)
      id = routed(payload).last
      text = id.is_a?(String) && !id.empty? ? id : Resque.encode(payload.values_at("class", "args"))
      Digest::SHA1.hexdigest(text)[0, 8].to_i(16) * 100.0 / 2**32
    end

    private

    # The class, and whether the job is Python's; nil where no rule leads the class there, or none can be applied to such a name.
    def decide(payload)
      name, = routed(payload)
      rule = rules.reverse_each.find { |one| one["match"] == name || File.fnmatch(one["match"], name) }
      share = rule && rule["to"] == "python" ? rule.fetch("percent", 100) : 0
      [name, name.empty? || share.zero? ? nil : share == 100 || place(payload) < share]
    rescue StandardError => e
      warn_once("a job stays with Ruby", e)
      ["", nil]
    end

    def rules
      return @rules if @read && NOW.call - @read < TABLE_AGE
      @read = NOW.call
      raw = Resque.redis.get("migrate:routes")
      @rules = raw ? JSON.parse(raw).fetch("rules").each { |one| check(one) } : [] unless @rules && raw == @raw
      @raw = raw
      @rules
    rescue StandardError => e
      warn_once("the routing table cannot be read", e)
      @raw = nil
      @rules = []
    end

    def check(rule)
      match, to, percent = rule["match"], rule["to"], rule.fetch("percent", 100)
      fine = match.is_a?(String) && !match.empty? && %w[ruby python].include?(to) && percent.is_a?(Numeric)
      raise ArgumentError, "no rule: #{rule.inspect[0, 100]}" unless fine && percent.between?(0, 100)
    end

    # Moves the job from this worker to a list; false if Redis refuses that, or was away before.
    def put(worker, job, list, names, tries = 0)
      record = Resque.encode("queue" => job.queue, "run_at" => Time.now.utc.iso8601, "payload" => job.payload)
      raw = Thread.current[:pyresque_guard]
      raw = Resque.encode(job.payload) unless raw && Resque.decode(raw) == job.payload
      mark, *expiry = mark_of(job)
      asked = false
      Resque.redis.set("worker:#{worker}", record)
      begin
        asked = Resque.redis.eval(PUT, keys: ["worker:#{worker}", list, names, *mark], argv: [record, raw, job.queue, *expiry])
      rescue Redis::BaseConnectionError # perhaps it was done: the script looks
        asked = true
        sleep PAUSE
        (tries += 1) > TRIES ? raise : retry
      end
      true
    rescue Redis::CommandError, Redis::BaseConnectionError => e
      raise if asked # what became of the job nobody knows: the worker ends, as Ruby's does then, and its record tells
      warn_once("#{list} takes no job", e)
      false
    end

    # The mark that keeps an equal job out of the queue, and its expiry. resque-loner and resque_solo delete it when they pop the job.
    def mark_of(job)
      gem = defined?(ResqueSolo::Queue) ? ResqueSolo::Queue : Resque::Plugins::Loner::Helpers
      unique, key = gem.respond_to?(:unique_key) ? %i[is_unique? unique_key] : %i[item_is_a_unique_job? unique_job_queue_key]
      seconds = gem.item_ttl(job.payload).to_i
      gem.send(unique, job.payload) ? [gem.send(key, job.queue, job.payload), *(["EX", seconds] if seconds >= 0)] : []
    rescue NameError then [] # neither of the gems is loaded
    end

    def known?(job, name)
      job.send(:constantize, name) && true
    rescue StandardError, ScriptError then false
    end

    def tries_of(job)
      @tries = {} if @tries.nil? || @tries.size > 1000
      @tries[job.payload.hash] = @tries.fetch(job.payload.hash, 0) + 1
    end

    def warn_once(what, error)
      Resque.logger.warn("pyresque guard: #{what}: #{error.class}: #{error.message}") unless (@warned ||= {})[what]
      @warned[what] = true
    end
  end
end

Resque::DataStore.prepend(PyresqueGuard::Store)
Resque::Worker.prepend(PyresqueGuard::Worker)
Resque::Job.prepend(PyresqueGuard::Job)
