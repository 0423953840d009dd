"""Delayed and recurring jobs: their verbs, cron lines, schedule files, and promotion to the queues."""
