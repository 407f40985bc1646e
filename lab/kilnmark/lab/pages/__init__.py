"""Runs as web pages, served or exported."""
