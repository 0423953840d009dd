"""From settings to a running process: one module for each kind."""
