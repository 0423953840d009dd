# frozen_string_literal: true

# A real Resque worker, begun as the rake task resque:work begins it; says its id on stdout before it starts.
#
# QUEUE or QUEUES, INTERVAL and the other names of Resque's own environment apply, and HEARTBEAT_INTERVAL and
# PRUNE_INTERVAL (seconds), which a Ruby app can set in its code alone.

$stdout.sync = true
require_relative "boot"
require ENV["LIVE_REQUIRE"] if ENV["LIVE_REQUIRE"] # as an app would load a file of its own behind Resque

Resque.heartbeat_interval = Float(ENV["HEARTBEAT_INTERVAL"]) if ENV["HEARTBEAT_INTERVAL"]
Resque.prune_interval = Float(ENV["PRUNE_INTERVAL"]) if ENV["PRUNE_INTERVAL"]

worker = Resque::Worker.new
worker.prepare
puts worker.id
worker.work(ENV["INTERVAL"], max_interval: ENV["MAX_INTERVAL"], min_interval: ENV["MIN_INTERVAL"],
                             backoff_interval: ENV["BACKOFF_INTERVAL"])
