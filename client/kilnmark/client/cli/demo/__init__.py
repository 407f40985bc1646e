"""The demonstration: a daemon of its own, healthy and dead adapters, and which are caught."""
