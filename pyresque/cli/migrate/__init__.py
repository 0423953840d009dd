"""``pyresque migrate``: move off Ruby class by class; one file for one command."""
