"""Where an attempt at a job runs: in this process, or in a child of it."""
