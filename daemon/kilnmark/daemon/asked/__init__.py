"""What callers ask for, understood: names known, choices made, files found."""
