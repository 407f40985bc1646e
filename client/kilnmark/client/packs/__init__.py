"""A folder of packs as people work on it: begun, given schemas, checked, looked into."""
