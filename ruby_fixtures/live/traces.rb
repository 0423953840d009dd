# frozen_string_literal: true

# What Ruby's OpenTelemetry instrumentations and sentry-rails write into payloads, and what spans they make of payloads.
#
# RUBYLIB must have, beside resque: opentelemetry-api, -sdk, -common, -registry, -semantic_conventions, -instrumentation-base,
# -instrumentation-resque, -instrumentation-active_job; for `sentry` sentry-ruby and sentry-rails.
#
#   traces.rb enqueue             enqueues a Resque job and an ActiveJob; prints payloads and spans
#   traces.rb perform STYLE       performs the payloads on standard input, one a line; prints spans (STYLE: link, child, none)
#   traces.rb sentry              enqueues an ActiveJob in a transaction, with a user; prints the payload
#
# The gem for ActiveJob wants Rails 7.1. Where an older one is installed it is told so; what it patches is the same there.

ENV["RESQUE_ACTIVEJOB"] = "0"
require "logger"
require "active_job"
require_relative "boot"

unless defined?(ActiveJob::QueueAdapters::AbstractAdapter)
  module ActiveJob
    module QueueAdapters
      class AbstractAdapter; end
    end
  end
end
ActiveJob::Base.queue_adapter = :resque
ActiveJob::Base.logger = Logger.new(nil)
Resque.inline = false

# Jobs of both kinds; they do nothing.
class Archive
  @queue = :file_serve
  def self.perform(*); end
end

class MailJob < ActiveJob::Base
  queue_as :mailers
  def perform(*); end
end

def spans_of(exporter)
  exporter.finished_spans.map do |span|
    {
      name: span.name, kind: span.kind, trace: span.hex_trace_id, span: span.hex_span_id, parent: span.hex_parent_span_id,
      links: (span.links || []).map { |link| [link.span_context.hex_trace_id, link.span_context.hex_span_id] },
      attributes: span.attributes,
    }
  end
end

def opentelemetry(style)
  require "opentelemetry/sdk"
  require "opentelemetry-instrumentation-resque"
  require "opentelemetry-instrumentation-active_job"
  OpenTelemetry.logger = Logger.new(nil)
  told = OpenTelemetry::Instrumentation::ActiveJob::Instrumentation
  told.class_eval { def gem_version = Gem::Version.new("7.1") } if ActiveJob.version < Gem::Version.new("7.1")
  memory = OpenTelemetry::SDK::Trace::Export::InMemorySpanExporter.new
  OpenTelemetry::SDK.configure do |config|
    config.add_span_processor(OpenTelemetry::SDK::Trace::Export::SimpleSpanProcessor.new(memory))
    config.use("OpenTelemetry::Instrumentation::Resque", { propagation_style: style, force_flush: :never })
    config.use("OpenTelemetry::Instrumentation::ActiveJob", { propagation_style: style })
  end
  memory
end

def sentry
  unless defined?(::Rails)
    Object.const_set(:Rails, Module.new)
    Rails.define_singleton_method(:version) { ActiveJob.version.to_s }
    %i[logger backtrace_cleaner application root].each { |name| Rails.define_singleton_method(name) { nil } }
  end
  require "sentry-ruby"
  require "active_support/all"
  require "sentry/rails/configuration"
  require "sentry/rails/active_job"
  ActiveJob::Base.prepend(Sentry::Rails::ActiveJobExtensions)
  Sentry.init do |config|
    config.dsn = "http://key@127.0.0.1:1/1"
    config.sdk_logger = Logger.new(nil)
    config.background_worker_threads = 0
    config.traces_sample_rate = 1.0
    config.send_default_pii = true
    config.transport.transport_class = Sentry::DummyTransport
  end
end

def popped(queue) = Resque.redis.lpop("queue:#{queue}")

case ARGV.fetch(0)
when "enqueue"
  memory = opentelemetry(:link)
  Resque.enqueue(Archive, 44, "master")
  MailJob.perform_later(7)
  puts JSON.generate(resque: popped("file_serve"), active_job: popped("mailers"), spans: spans_of(memory))
when "perform"
  memory = opentelemetry(ARGV.fetch(1).to_sym)
  $stdin.each_line do |line|
    Resque::Job.new("ruby", Resque.decode(line.chomp)).perform
  end
  puts JSON.generate(spans_of(memory))
when "sentry"
  sentry
  Sentry.set_user(id: 7, email: "ada@example.com", shoe_size: 39)
  transaction = Sentry.start_transaction(name: "checkout", op: "http.server")
  Sentry.get_current_scope.set_span(transaction)
  MailJob.perform_later(7)
  puts JSON.generate(active_job: popped("mailers"), trace: transaction.trace_id, span: transaction.span_id)
end
