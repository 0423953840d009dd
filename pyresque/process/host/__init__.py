"""The operating system around a worker: signals, process titles, other processes, waiting."""
