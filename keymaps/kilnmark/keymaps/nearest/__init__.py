"""Names that nobody knows: which convention they are most like, and how they differ. A guess for people, no reading."""
