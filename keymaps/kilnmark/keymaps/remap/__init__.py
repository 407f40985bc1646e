"""An adapter file written again in another convention: exactly, or not at all."""
