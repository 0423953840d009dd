"""A pool: several worker processes under one master process."""
