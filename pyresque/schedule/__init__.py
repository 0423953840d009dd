"""When something is due: cron lines and durations, read as Ruby's timer reads them."""
