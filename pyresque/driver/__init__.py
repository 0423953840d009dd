"""The two drivers: one blocks, one awaits; both answer the six requests of ``pyresque.ops``."""
