# frozen_string_literal: true

# The job classes that every live Ruby peer knows; they report what they saw to the lists named in Live.

# Writes its arguments down as it got them.
class EchoJob
  @queue = :echo

  def self.perform(*args)
    Live.note(Live::ECHO, args)
  end
end

module Deep
  # A class inside a module: its name travels as Deep::NestedJob.
  class NestedJob < EchoJob
    @queue = :nested
  end
end

# Fails with its arguments in the message.
class BoomJob
  @queue = :boom

  def self.perform(*args)
    raise ArgumentError, "boom #{args.inspect}"
  end
end

# Says that it has begun and stays until it is let go or killed.
class HoldJob
  @queue = :hold

  def self.perform(*args)
    Live.note(Live::STARTED, "pid" => Process.pid, "args" => args)
    Live.redis.blpop(Live::RELEASE, timeout: 60)
    Live.note(Live::ECHO, args)
  end
end

# Ends its own process by the signal named.
class KillJob
  @queue = :kill

  def self.perform(signal = "KILL")
    Process.kill(signal, Process.pid)
    sleep 5
  end
end

# Writes down each hook that ran, and refuses where its first argument says so.
class HookedJob
  @queue = :hooked

  %w[after_enqueue before_dequeue after_dequeue after_schedule before_delayed_enqueue].each do |hook|
    define_singleton_method("#{hook}_note") { |*args| Live.note(Live::HOOKS, [hook, args]) }
  end

  %w[before_enqueue before_schedule].each do |hook|
    define_singleton_method("#{hook}_note") do |*args|
      Live.note(Live::HOOKS, [hook, args])
      args.first != "veto_#{hook}"
    end
  end

  def self.before_perform_note(*args)
    Live.note(Live::HOOKS, ["before_perform", args])
    raise Resque::Job::DontPerform if args.first == "dont_perform"
  end

  def self.around_perform_note(*args)
    Live.note(Live::HOOKS, ["around_perform", args])
    yield
    Live.note(Live::HOOKS, ["around_perform_end", args])
  end

  def self.after_perform_note(*args)
    Live.note(Live::HOOKS, ["after_perform", args])
  end

  def self.on_failure_note(error, *args)
    Live.note(Live::HOOKS, ["on_failure", [error.class.name, error.message], args])
  end

  def self.perform(*args)
    Live.note(Live::HOOKS, ["perform", args])
    raise ArgumentError, "hooked boom" if args.first == "boom"
  end
end

# Ten classes that both sides know: each notes its side, its class and its arguments.
module Shared
  ("A".."J").each do |letter|
    job = Class.new do
      @queue = :shared

      define_singleton_method(:perform) do |*args|
        Live.note(Live::SHARED, ["ruby", name, *args])
      end
    end
    const_set("Job#{letter}", job)
  end
end

# A custom_job_class of resque-scheduler: it is asked to queue the job in place of the scheduler.
class ScheduledElsewhereJob
  @queue = :elsewhere

  def self.scheduled(queue, klass, *args)
    Live.note(Live::HOOKS, ["scheduled", [queue, klass, args]])
    Resque.enqueue_to(queue, EchoJob, klass, *args)
  end
end
