"""Several workers in one process: each in a thread, or as a task of one event loop."""
