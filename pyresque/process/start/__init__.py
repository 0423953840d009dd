"""From a command line to ``process/run``: the application, the early fork server, logging."""
