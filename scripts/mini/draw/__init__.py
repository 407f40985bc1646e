"""Pictures drawn by code, with sentences that say what they show. Needs numpy and Pillow alone."""
