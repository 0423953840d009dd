"""Jobs: payloads and codecs, the registry of what performs them, performing, and the verbs of queues."""
