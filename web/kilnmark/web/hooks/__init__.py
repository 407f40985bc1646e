"""Messages to addresses that renders named, about jobs that have ended."""
