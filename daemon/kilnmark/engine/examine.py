"""`python -m kilnmark.engine.examine`: what MLX computes on here, without a daemon and without a base.

A process of its own, because MLX can end the one it is in, and because whoever asks must not import it.
"""

import os
import sys
from importlib.metadata import version

import msgspec

from kilnmark.engine.compute import BASE_SHARE, OPENBLAS, backend, device_bytes, precision
from kilnmark.protocol.wire.examined import EngineExamined

__all__ = ["examine"]


def examine() -> EngineExamined:
    """Compute something, so that a driver that cannot is found here, and tell on what."""
    import mlx.core as mx

    numbers = mx.ones((8, 8), precision())
    mx.eval(numbers @ numbers)
    device = device_bytes()
    return EngineExamined(
        backend=backend(),
        precision=str(precision()).rpartition(".")[2],
        number_bytes=precision().size,
        device_bytes=device,
        base_bytes=int(device * BASE_SHARE),
        mlx_version=version("mlx"),
        fast_blas=OPENBLAS,
    )


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(examine()).decode() + "\n")
    sys.stdout.flush()
    os._exit(0)  # ending MLX's threads on the way out aborts now and then
