"""Numbers of pictures: what one is like, how far two are apart, and which of many is nearest."""
