"""The run folder: what was decided, what happened, and where everything lies in it."""
