"""The base, the adapters on it, and rendering: everything that runs inside the worker process.

Only this room imports mlx, and only the room of a family imports mflux. The daemon never imports it; it speaks to it
through the messages of `kilnmark.protocol.wire.work`.
"""

from kilnmark.engine import compute as compute  # the BLAS that is in the process before mlx is the one mlx uses
