"""What is for other models, or of kinds that are not applied here: fingerprints as data, and how files are told."""
