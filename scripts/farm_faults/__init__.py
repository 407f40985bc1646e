"""A farm of three machines, and everything that happens to one: `python -m scripts.farm_faults`."""
