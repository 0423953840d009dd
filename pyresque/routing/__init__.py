"""Which side performs a class on shared queues: Ruby's workers or Python's."""
