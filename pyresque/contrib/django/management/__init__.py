"""What Django looks for to find ``manage.py pyresque``."""
