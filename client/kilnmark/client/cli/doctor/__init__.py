"""What `kilnmark doctor` looks at, a subject a module; nothing is changed, and mlx is never imported."""
