# frozen_string_literal: true

# ActiveJob without Rails on top of the live Resque: a few jobs, a model, and arguments of every kind by name.

require "active_support/all"
require "active_job"

# Resque 3 ships an adapter for Rails 7.2 and later under the very path of Rails' own; an older ActiveJob needs its own.
unless ActiveJob::QueueAdapters.autoload?(:AbstractAdapter) || defined?(ActiveJob::QueueAdapters::AbstractAdapter)
  require File.join($LOADED_FEATURES.grep(%r{/active_job\.rb\z}).first.delete_suffix(".rb"), "queue_adapters/resque_adapter.rb")
end

GlobalID.app = "live"
Time.zone_default = Time.find_zone!("UTC")
ActiveJob::Base.logger = Logger.new(nil)
ActiveJob::Base.queue_adapter = :resque

# A model: the ids below 100 exist.
class Account
  include GlobalID::Identification
  attr_reader :id

  def initialize(id)
    @id = Integer(id)
  end

  def self.find(id)
    raise KeyError, "no Account #{id}" unless Integer(id) < 100

    new(id)
  end

  def ==(other)
    other.is_a?(Account) && other.id == id
  end

  def inspect
    "#<Account #{id}>"
  end
end

# What a job saw, written so that two runs can be compared.
module LiveActiveJob
  SEEN = "live:activejob"

  ARGUMENTS = {
    "none" => -> { [] },
    "scalars" => -> { [nil, true, false, 0, -1, 2**62, 1.5, "text"] },
    "text" => -> { ["caf\u00e9 \u{1F600} <b>a & b</b> \u2028 \"q\" \\ \t"] },
    "symbol" => -> { [:paid, :"with space"] },
    "array" => -> { [[1, "two", [nil, [:three]]]] },
    "string_keys" => -> { [{ "a" => 1, "b" => { "c" => 2 } }, 0] },
    "symbol_keys" => -> { [{ a: 1, b: { c: 2 } }, 0] },
    "mixed_keys" => -> { [{ :a => 1, "b" => 2 }, 0] },
    "indifferent" => -> { [{ a: 1, "b" => [{ c: 2 }] }.with_indifferent_access, 0] },
    "model" => -> { [Account.new(7)] },
    "models_nested" => -> { [[Account.new(7), { owner: Account.new(42) }]] },
    "big_decimal" => -> { [BigDecimal("123.4500")] },
    "date" => -> { [Date.new(2026, 2, 28)] },
    "time" => -> { [Time.at(1_772_366_400, 123_456_789, :nsec).utc] },
    "time_with_offset" => -> { [Time.new(2026, 3, 1, 6, 7, 8, "+05:30")] },
    "date_time" => -> { [DateTime.new(2026, 3, 1, 6, 7, Rational(17, 2), "-03:00")] },
    "time_with_zone" => -> { [Time.utc(2026, 7, 1, 12).in_time_zone("America/New_York")] },
    "duration" => -> { [1.month + 2.days + 3.hours] },
    "module" => -> { [Account, Comparable] },
    "range" => -> { [(1..10), (1...10)] },
    "keywords" => -> { [5, Hash.ruby2_keywords_hash(force: true, note: :later)] }
  }.freeze

  class << self
    def note(job, value = nil)
      Live.note(SEEN, "job" => job.class.name, "job_id" => job.job_id, "queue" => job.queue_name, "executions" => job.executions,
                      "exception_executions" => job.exception_executions, "locale" => job.locale, "timezone" => job.timezone,
                      "arguments" => ActiveJob::Arguments.serialize(job.arguments), "inspect" => job.arguments.inspect,
                      "value" => value)
    end

    # {"class", "case" or "args", "queue", "wait" (seconds), "wait_until" (epoch), "priority"} -> the envelope, or the error of Rails
    def enqueue(command)
      options = {}
      options[:queue] = command["queue"] if command["queue"]
      options[:wait] = command["wait"] if command["wait"]
      options[:wait_until] = Time.at(command["wait_until"]) if command["wait_until"]
      options[:priority] = command["priority"] if command["priority"]
      args = command["case"] ? ARGUMENTS.fetch(command["case"]).call : command.fetch("args", [])
      job = command.fetch("class", "AjEchoJob").constantize.new(*args)
      job.enqueue(options) && job.serialize
    end
  end
end

# Notes its arguments.
class AjEchoJob < ActiveJob::Base
  def perform(*)
    LiveActiveJob.note(self)
  end
  ruby2_keywords :perform
end

# Takes keywords as keywords.
class AjKeywordJob < ActiveJob::Base
  def perform(id, force: false, note: nil)
    LiveActiveJob.note(self, [id, force, note].inspect)
  end
end

# Fails until its third run, retried at once by Rails' own rule.
class AjRetryJob < ActiveJob::Base
  retry_on ArgumentError, wait: 0, attempts: 5

  def perform(*)
    LiveActiveJob.note(self)
    raise ArgumentError, "not yet" if executions < 3
  end
end

# Fails for good in its second run, after a wait of a second on the delayed keys.
class AjGiveUpJob < ActiveJob::Base
  retry_on ArgumentError, wait: 1, attempts: 2

  def perform(*)
    LiveActiveJob.note(self)
    raise ArgumentError, "never"
  end
end

# Is dropped without a word.
class AjDiscardJob < ActiveJob::Base
  discard_on ArgumentError

  def perform(*)
    LiveActiveJob.note(self)
    raise ArgumentError, "dropped"
  end
end
