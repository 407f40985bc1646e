"""One picture: what decides it, what it says of itself, and the bases that it can be painted on."""
