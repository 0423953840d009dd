# frozen_string_literal: true

# What every live Ruby peer loads first: the real Resque, joined to the Redis of the test that started it.
#
# Everything comes from the environment:
#   REDIS_URL             the Redis to talk to
#   RESQUE_NAMESPACE      default "resque"
#   RESQUE_JSON           "json_gem" (default) or "oj": the encoder that MultiJson uses
#   RESQUE_ACTIVESUPPORT  "1": load ActiveSupport's JSON, as every Rails app has it
#   RESQUE_ACTIVEJOB      "1": load ActiveJob and the jobs of activejob.rb (implies the line above)
#   FAILURE_BACKEND       Resque's own: "redis" (default) or "redis_multi_queue"

require "json" # before MultiJson is asked, so that its choice does not depend on the gems installed
require "multi_json"
MultiJson.use(ENV.fetch("RESQUE_JSON", "json_gem").to_sym)

ACTIVEJOB = ENV["RESQUE_ACTIVEJOB"] == "1"
if ACTIVEJOB || ENV["RESQUE_ACTIVESUPPORT"] == "1"
  require "logger" # ActiveSupport 6.1 uses Logger without asking for it
  require "active_support"
  require "active_support/json"
end

require "resque"
begin
  require "resque-scheduler"
rescue LoadError => e
  raise unless e.path == "resque-scheduler" # a half-installed scheduler is a fault, a missing one is not
end

# Names shared by the peers.
module Live
  # The keys that the jobs below report to stand outside Resque's namespace, so that a test may compare all of it.
  ECHO = "live:echo"
  STARTED = "live:started"
  RELEASE = "live:release"
  HOOKS = "live:hooks"
  SHARED = "live:shared"

  class << self
    def scheduler?
      defined?(Resque::Scheduler) ? true : false
    end

    def connect(namespace = ENV.fetch("RESQUE_NAMESPACE", "resque"))
      Resque.redis = Redis::Namespace.new(namespace, redis: Redis.new(url: ENV.fetch("REDIS_URL")))
    end

    # The connection below the namespace.
    def redis
      Resque.redis.redis
    end

    def note(list, value)
      redis.rpush(list, JSON.generate(value))
    end

    def versions
      gems = {
        "ruby" => RUBY_VERSION, "resque" => Resque::VERSION, "redis-rb" => Redis::VERSION,
        "redis-namespace" => Redis::Namespace::VERSION, "json" => JSON::VERSION,
        "encoder" => MultiJson.adapter.name.split("::").last
      }
      gems["resque-scheduler"] = Resque::Scheduler::VERSION if scheduler?
      gems["activesupport"] = ActiveSupport::VERSION::STRING if defined?(ActiveSupport::VERSION)
      gems["activejob"] = ActiveJob::VERSION::STRING if defined?(ActiveJob::VERSION)
      gems
    end
  end
end

Resque.logger = Logger.new($stderr, level: ENV["VVERBOSE"] ? Logger::DEBUG : Logger::WARN)
Live.connect
require_relative "jobs"
require_relative "activejob" if ACTIVEJOB
