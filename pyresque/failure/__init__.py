"""Failed jobs: their records, the backends that keep them, and the jobs of processes that died."""
