"""The panel: what the daemon does now, what it did, and every picture's proof."""
