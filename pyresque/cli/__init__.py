"""The command line: what an operator types, told in tables or JSON."""
