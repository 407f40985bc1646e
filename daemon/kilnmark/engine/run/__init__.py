"""One render from order to picture."""
