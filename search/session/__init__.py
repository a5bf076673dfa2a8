"""A campaign from its start to its end: what the command line and a notebook share."""
