"""One worker: its loop, its current job, its waits, the orders it takes, its heartbeat."""
