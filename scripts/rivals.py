"""Sets up an environment of their own for the benchmarks' rivals, diffusers and PEFT on torch, in `.rivals`.

It is kept apart because torch is no part of kilnmark. Plain pip does it: on a machine without a GPU it finds the CPU
build of torch, where uv takes gigabytes of CUDA.
"""

import subprocess
import sys
from pathlib import Path

__all__ = ["PYTHON", "RivalsUnavailable", "set_up"]

FOLDER = Path(__file__).resolve().parent.parent / ".rivals"
PYTHON = FOLDER / "bin" / "python"
PACKAGES = ("torch==2.13.0", "diffusers", "peft", "transformers", "accelerate", "safetensors")
PATIENCE = 240.0
"""Seconds that the installation may take: a benchmark must end."""

_READY = FOLDER / ".ready"


class RivalsUnavailable(Exception):
    """The environment cannot be had; the message says why."""


def set_up() -> Path:
    """The environment's Python, installing what it lacks.

    Raises:
        RivalsUnavailable: pip failed, or took too long.
    """
    wanted = "\n".join(PACKAGES)
    if _READY.exists() and _READY.read_text() == wanted:
        return PYTHON
    try:
        _run(sys.executable, "-m", "venv", str(FOLDER))
        _run(str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
    except subprocess.TimeoutExpired as error:
        raise RivalsUnavailable(f"installing took more than {PATIENCE:g} s") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise RivalsUnavailable(f"installing failed: {last}") from error
    _READY.write_text(wanted)
    return PYTHON


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)


if __name__ == "__main__":
    try:
        print(set_up())
    except RivalsUnavailable as unavailable:
        sys.exit(f"rivals: {unavailable}")
