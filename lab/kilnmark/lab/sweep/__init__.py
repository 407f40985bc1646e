"""Checkpoints painted side by side, measured, and one of them picked and deployed."""
