"""The two drivers: one blocks, one awaits; both answer the seven requests of ``pyresque.ops``."""
