"""The socket: who owns it, one client's connection, one request's way to its reply."""
