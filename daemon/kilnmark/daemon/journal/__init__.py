"""The events of jobs on disk: what was accepted outlives the daemon that accepted it."""
