"""A dataset read, checked, told, and written for trainers."""
