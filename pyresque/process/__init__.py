"""What stays up: the worker, and what keeps it alive and heard."""
