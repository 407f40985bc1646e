"""One render from command to picture."""
