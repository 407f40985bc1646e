"""Judges, what they were asked, and what their scores come to."""
