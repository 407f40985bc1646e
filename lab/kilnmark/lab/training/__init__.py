"""Trainers driven, and their checkpoints collected."""
