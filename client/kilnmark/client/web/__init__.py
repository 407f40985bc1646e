"""Pages served to people on this machine: who may ask for them, how they are listened for, what they may show."""
