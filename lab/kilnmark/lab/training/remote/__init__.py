"""A training at a remote: started once, followed to its end, its outputs fetched."""
