"""How a farm is, for whoever looks."""
