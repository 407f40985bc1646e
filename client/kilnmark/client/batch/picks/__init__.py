"""What people decided about the entries of a pack, kept so that it outlives every run and can be merged."""
