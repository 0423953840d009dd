"""Ruby's Resque for Python: the same Redis keys, the same bytes."""
