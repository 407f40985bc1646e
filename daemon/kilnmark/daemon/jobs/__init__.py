"""What was accepted and what became of it: jobs, their order, and how they end."""
