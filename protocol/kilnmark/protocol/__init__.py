"""What both ends of the socket agree on: messages, reports, errors, framing, the JSON-RPC rules, and those of content
packs.

No I/O but of the data that is shipped beside it, no threads, no clock lives here. Everything is a pure function or a
frozen value, so the client, the daemon and the worker can share it, and tests can drive it byte by byte.
"""
