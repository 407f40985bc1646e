"""The socket's own language: frames, calls, replies, errors, and what daemon and worker say to each other."""
