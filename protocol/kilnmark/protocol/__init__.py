"""What both ends of the socket agree on: messages, reports, errors, framing and the JSON-RPC rules.

No I/O, no threads, no clock lives here. Everything is a pure function or a frozen Struct, so the client, the daemon
and the worker can share it, and tests can drive it byte by byte.
"""
