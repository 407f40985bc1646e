"""How results of the lab look to people."""
