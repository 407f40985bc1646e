"""The machine under MLX: which back end, which precision, how much memory, and a fast BLAS where MLX brings a slow one.

Must be imported before anything imports `mlx`, because the BLAS that is in the process first is the one MLX uses.
"""

import ctypes
import ctypes.util
import gc
import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kilnmark.protocol.wire.memory import Limits

if TYPE_CHECKING:
    import mlx.core as mx

__all__ = [
    "BASE_SHARE",
    "OPENBLAS",
    "active_bytes",
    "backend",
    "device_bytes",
    "limit_blas",
    "other_bytes",
    "precision",
    "set_limits",
    "use_fast_blas",
]

log = logging.getLogger(__name__)

BASE_SHARE = 0.85
"""Of the device's memory, for all bases together; a render's own arrays and what it holds ready need the rest.

Macs of 16, 32 and 64 GB recommend 10.7, 21.3 and 48 GiB, so that they hold `dev` at 4 bits, at 8, and unquantized.
"""

CPU_CACHE_BYTES = 256 << 20
"""Freed memory MLX may keep on a CPU, where allocating is cheap and the machine is shared."""

_DEVICE_KEYS = ("max_recommended_working_set_size", "memory_size", "total_memory")
"""What `mx.device_info` calls a device's memory, the most careful figure first; on a CPU it has none of them."""


def use_fast_blas() -> str | None:
    """Put OpenBLAS before the reference BLAS of MLX's CPU build on Linux: 55 times the float32 matmul speed.

    The library comes with opencv-python, which mflux depends on; else the system's own is taken.

    Returns:
        The library's path or name; None where none is needed or none was found.
    """
    if not sys.platform.startswith("linux"):
        return None
    if "mlx.core" in sys.modules:
        log.warning(
            "mlx was imported before kilnmark.engine, so its own slow BLAS is in use; import kilnmark.engine first"
        )
        return None
    for candidate in _candidates():
        try:
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            log.debug("cannot load %s", candidate, exc_info=True)
        else:
            return candidate
    log.warning(
        "no OpenBLAS was found, so float32 on this CPU runs about fifty times slower; "
        "install opencv-python or the system's libopenblas"
    )
    return None


def _candidates() -> list[str]:
    found: list[str] = []
    spec = importlib.util.find_spec("cv2")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent.parent.glob("opencv_python*.libs/libopenblas*")
        found += sorted(str(path) for path in bundled)
    if (system := ctypes.util.find_library("openblas")) is not None:
        found.append(system)
    return found


OPENBLAS = use_fast_blas()
"""The BLAS that was put first, decided when this module is imported."""


def limit_blas(threads: int) -> None:
    """Have the fast BLAS compute with so many threads from now on, where it is in use and lets itself be told."""
    if OPENBLAS is not None and hasattr(library := ctypes.CDLL(OPENBLAS), "openblas_set_num_threads"):
        library.openblas_set_num_threads(threads)


def backend() -> str:
    """What MLX computes on: `metal`, `cuda` or `cpu`."""
    import mlx.core as mx

    if mx.default_device().type == mx.DeviceType.cpu:
        return "cpu"
    return "metal" if sys.platform == "darwin" else "cuda"


def precision() -> "mx.Dtype":
    """What is computed in: float32 on a CPU, where bf16 is thirty times slower, else bf16."""
    import mlx.core as mx

    return mx.float32 if backend() == "cpu" else mx.bfloat16


def active_bytes() -> int:
    """MLX's memory in use, in bytes, once all is given back that nobody holds any more."""
    import mlx.core as mx

    gc.collect()  # modules and callbacks of a model refer to each other
    mx.clear_cache()
    return mx.get_active_memory()


def other_bytes() -> int:
    """What this process takes of the machine's memory beside MLX's arrays and its cache, in bytes; at least 0.

    On CUDA those are the card's, and on Metal and a CPU the machine's.
    """
    import mlx.core as mx

    of_mlx = 0 if backend() == "cuda" else mx.get_active_memory() + mx.get_cache_memory()
    return max(0, _resident_bytes() - of_mlx)


def _resident_bytes() -> int:
    """What of this process is in the machine's memory; 0 where that is not told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        command = ["/bin/ps", "-o", "rss=", "-p", str(os.getpid())]
        told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - nobody else's words
        return int(told.stdout or 0) * 1024


def device_bytes() -> int:
    """The memory that the device recommends to use; the machine's own where MLX computes on its CPU. In bytes."""
    import mlx.core as mx

    info = mx.device_info()
    for key in _DEVICE_KEYS:
        if key in info:
            return int(info[key])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def set_limits(base_bytes: int | None) -> Limits:
    """Tell MLX how much memory this process may use. Once, before anything is loaded.

    - Memory limit: the device's memory. MLX's own is half as much again on Metal, where the system swaps before MLX
      gives back what it keeps. It is a guideline: an array that does not fit below it is made all the same.
    - Cache limit: what the bases leave of that. The steps of a render reuse each other's memory, but what a base
      leaves behind must not be kept from the next one. On a CPU no more than `CPU_CACHE_BYTES`.
    - Wired limit: the bases, so that the system does not page them out between two renders. Metal on macOS 15 and
      later has it; elsewhere MLX takes the call and keeps nothing of it, or refuses it.

    Args:
        base_bytes: What all bases together may take; None for `BASE_SHARE` of the device's memory.
    """
    import mlx.core as mx

    device = device_bytes()
    bases = int(device * BASE_SHARE) if base_bytes is None else base_bytes
    memory = max(device, bases)
    cache = max(memory - bases, CPU_CACHE_BYTES)
    if backend() == "cpu":
        cache = CPU_CACHE_BYTES
    mx.set_memory_limit(memory)
    mx.set_cache_limit(cache)
    return Limits(
        device_bytes=device,
        base_bytes=bases,
        memory_bytes=memory,
        cache_bytes=cache,
        wired_bytes=_wire(min(bases, device)),
    )


def _wire(limit: int) -> int | None:
    """Set the wired limit; None when MLX did not keep it, which setting it again tells: it answers with the last."""
    import mlx.core as mx

    try:
        mx.set_wired_limit(limit)
        return mx.set_wired_limit(limit) or None
    except (RuntimeError, ValueError) as error:
        log.warning("MLX does not wire %d bytes: %s", limit, error)
        return None
