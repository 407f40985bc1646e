"""Numbers of pictures."""
