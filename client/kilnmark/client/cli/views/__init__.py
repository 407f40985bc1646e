"""What the command line shows: tables, bars and the documents of `--json`. No library module looks here."""
