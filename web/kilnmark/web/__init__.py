"""What people and programs reach over HTTP: a panel, an API for pictures, and messages about jobs that have ended.

One process beside the daemon, and a client of its socket like any other. It knows neither the daemon nor the engine.
"""
