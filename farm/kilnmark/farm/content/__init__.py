"""Files by their hashes."""
