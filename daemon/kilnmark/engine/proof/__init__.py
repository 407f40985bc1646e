"""What an adapter did: measured, weighed beside its stack, probed, and judged."""
