"""``pyresque demo``: Ruby's jobs performed in Python on a Redis of its own."""
