"""Where MLX keeps the kernels that it compiles for CUDA: a folder of this user, so that they outlive a reboot.

MLX's own place is in the system's temporary folder, which whoever came first owns and a reboot empties. Metal keeps
what it compiles by itself, and for a CPU MLX has no other place than the temporary folder.
"""

import logging
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import mlx.core as mx

from kilnmark.engine.compute import backend
from kilnmark.protocol.xdg import xdg_folder

__all__ = ["VARIABLE", "drop_half_written", "keep_kernels", "kernel_folder", "usual_folder"]

log = logging.getLogger(__name__)

VARIABLE = "MLX_PTX_CACHE_DIR"
"""Names the folder; MLX reads it when it compiles its first kernel (mlx/backend/cuda/jit_module.cpp, 0.32)."""

_ELF = b"\x7fELF"
_ELF_HEAD = struct.Struct("<32xQQ6xHHHH2x")
"""Where its program and section headers are and how many of which size (System V ABI, ELF-64, file header)."""


def keep_kernels() -> None:
    """Let MLX keep them, where the user has not said where. Once, before anything is computed on the device."""
    if backend() != "cuda" or os.environ.get(VARIABLE):
        return
    folder = usual_folder(os.environ, Path.home(), str(mx.device_info()["architecture"]))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        log.warning("compiled kernels go to the temporary folder: %s; make room, or set $%s", error, VARIABLE)
        return
    os.environ[VARIABLE] = str(folder)
    for path in drop_half_written(folder):
        log.warning("%s was half written and is removed; it is compiled again", path)


def kernel_folder(env: Mapping[str, str] = os.environ) -> str | None:
    """Where they are kept; None on Metal, on a CPU, and where no folder could be made."""
    return env.get(VARIABLE) or None if backend() == "cuda" else None


def usual_folder(env: Mapping[str, str], home: Path, architecture: str) -> Path:
    """`kilnmark/kernels` in the user's folder of caches, with one folder for each version of MLX and kind of card.

    MLX names a kernel by what it does alone, and one that was compiled for another card cannot be loaded.

    Args:
        architecture: Of the card, as MLX tells it.
    """
    caches = Path(xdg_folder(env, "XDG_CACHE_HOME") or home / ".cache")
    return caches / "kilnmark" / "kernels" / f"mlx-{version('mlx')}-{architecture}"


def drop_half_written(folder: Path) -> list[Path]:
    """Remove kernels that a process was killed over: MLX would load one for good and ever, and fail.

    Returns:
        Those that were removed.
    """
    removed = []
    for path in sorted(folder.rglob("*.ptx")):
        with suppress(OSError):  # somebody else is at it
            if not _is_whole(path):
                path.unlink()
                removed.append(path)
    return removed


def _is_whole(path: Path) -> bool:
    """It has names beside it, and its bytes are as many as its own head says; PTX, which is text, ends with a brace."""
    names = path.with_suffix(".txt")
    if not names.is_file() or not names.read_bytes().endswith(b"\n"):
        return False
    code = path.read_bytes()
    if not code.startswith(_ELF):
        return code.rstrip(b"\0\n ").endswith(b"}")
    if len(code) < _ELF_HEAD.size:
        return False
    sizes: tuple[int, ...] = _ELF_HEAD.unpack_from(code)
    programs, sections, program_size, program_count, section_size, section_count = sizes
    return len(code) >= max(programs + program_size * program_count, sections + section_size * section_count)
