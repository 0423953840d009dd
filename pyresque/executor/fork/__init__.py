"""The fork executor: ``X_process.py`` is code that runs in process X, ``X_handle.py`` the worker's end of it."""
