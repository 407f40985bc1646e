"""Models as `kilnmark models` knows them: what is here of each, what fits into memory, how one comes and goes."""
