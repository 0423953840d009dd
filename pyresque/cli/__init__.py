"""The command line: what an operator types is answered in tables or JSON."""
