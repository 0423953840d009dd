"""Whether a worker is well, and the port that probes ask."""
