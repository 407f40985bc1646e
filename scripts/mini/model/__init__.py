"""The model itself: its sizes, its parts from mflux's classes, its tokenizer, and the directory they are kept in."""
