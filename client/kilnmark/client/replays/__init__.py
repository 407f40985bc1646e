"""One picture by its own word: what it was made of, what of that is another by now, and the same once more."""
