"""Several worker processes under one master: how many of which are wanted."""
