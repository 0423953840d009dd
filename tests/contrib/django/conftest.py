"""The contract's tests run in processes of their own: Django is set up once in a process, and each has another version of it."""

collect_ignore = ["contract"]
