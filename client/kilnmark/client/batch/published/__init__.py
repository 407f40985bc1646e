"""Accepted pictures put where a game takes them from, under names that stay, and nothing else."""
