# frozen_string_literal: true

# A real resque-scheduler, begun as its own command begins it; says its lock's value on stdout before it starts.
#
# RESQUE_SCHEDULER_INTERVAL, DYNAMIC_SCHEDULE, LOCK_TIMEOUT and the other names of its own environment apply;
# SCHEDULE_FILE names a YAML file with the recurring jobs.

$stdout.sync = true
require_relative "boot"
require "resque/scheduler/cli"
require "yaml"

cli = Resque::Scheduler::Cli.new([], ENV.to_h)
cli.pre_run
Resque.schedule = YAML.safe_load_file(ENV["SCHEDULE_FILE"], permitted_classes: [Symbol]) if ENV["SCHEDULE_FILE"]
puts Resque::Scheduler.master_lock.value
cli.run_forever
