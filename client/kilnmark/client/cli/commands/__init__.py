"""The commands, each from its options to one call and one document or table."""
