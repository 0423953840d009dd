"""The tables in Redis: bytes in, bytes out; nothing here knows what a job is."""
