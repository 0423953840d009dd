"""When is next: cron lines, intervals and time zones, read as Ruby's timer reads them."""
