"""The machine under MLX: which back end, which precision, and a fast BLAS where MLX brings a slow one.

Must be imported before anything imports `mlx`, because the BLAS that is in the process first is the one MLX uses.
"""

import ctypes
import ctypes.util
import importlib.util
import logging
import sys
from pathlib import Path

__all__ = ["OPENBLAS", "backend", "use_fast_blas"]

log = logging.getLogger(__name__)


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


def backend() -> str:
    """What MLX computes on: `metal`, `cuda` or `cpu`."""
    import mlx.core as mx

    if mx.default_device().type == mx.DeviceType.cpu:
        return "cpu"
    return "metal" if sys.platform == "darwin" else "cuda"
