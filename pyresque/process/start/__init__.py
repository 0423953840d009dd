"""From a command line to ``process/run``: import the application, fork the fork server early, set up the log."""
