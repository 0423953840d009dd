# frozen_string_literal: true

# The real resque-web, with the tabs of resque-scheduler where that is installed; says its port on stdout.
#
# Listens on 127.0.0.1, on PORT or on any free port. DYNAMIC_SCHEDULE=1 lets the schedule page read what is in Redis.

$stdout.sync = true
require_relative "boot"
require "resque/server"
require "resque/scheduler/server" if Live.scheduler?
begin
  require "rackup/handler/webrick" # Rack 3
  handler = Rackup::Handler::WEBrick
rescue LoadError
  require "rack/handler/webrick"
  handler = Rack::Handler::WEBrick
end

Resque::Scheduler.dynamic = true if Live.scheduler? && ENV["DYNAMIC_SCHEDULE"]
# A page that fails answers 500 with the error as plain text, which is what a failing test should show.
Resque::Server.set(:show_exceptions, true)
Resque::Server.set(:dump_errors, true)

handler.run(Resque::Server.new, Host: "127.0.0.1", Port: Integer(ENV.fetch("PORT", "0")),
                                Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN), AccessLog: []) do |server|
  %w[INT TERM].each { |signal| trap(signal) { server.shutdown } }
  puts server.config[:Port]
end
