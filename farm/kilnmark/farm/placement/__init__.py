"""Which work a node takes next."""
