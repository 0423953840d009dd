"""One worker: its loop, its current job, its waits, its stops and pauses, its heartbeat."""
