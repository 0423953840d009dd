"""``pyresque top``: what a Resque does, live in the terminal."""
