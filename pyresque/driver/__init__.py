"""The two drivers: one blocks, one awaits; both answer the five requests of ``pyresque.ops``."""
