"""What people write for us to read: packs, their styles and tiers, and the stack they come to."""
