"""The health of a worker, and the port that answers probes."""
