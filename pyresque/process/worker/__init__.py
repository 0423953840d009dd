"""One worker: what it has in hand, how it waits, how it is told to stop, its heartbeat."""
