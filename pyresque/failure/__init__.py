"""Failed jobs: what is recorded of them, where, and how they come back."""
