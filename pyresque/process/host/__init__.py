"""The system that a worker runs on: signals, titles, other processes, waiting."""
