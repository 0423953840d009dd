"""Cron lines, intervals and time zones, read as Ruby's timer (rufus-scheduler with fugit) reads them."""
