"""A dataset written for trainers: one folder of copies that all of them can read, and a file for each."""
