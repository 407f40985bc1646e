"""One machine of the farm."""
