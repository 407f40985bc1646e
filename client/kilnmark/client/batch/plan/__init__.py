"""What is to be painted: from packs to items, decided to the last number, without a daemon."""
