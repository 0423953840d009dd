"""From settings to a running process: one module for a worker, a crew, a pool and a scheduler."""
