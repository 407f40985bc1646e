"""The versions that an installation by `uv tool` is held to, as files: `python -m scripts.tool_bounds FOLDER`.

`uv sync` reads them in `pyproject.toml`, and `uv tool` does not: without them a plain installation of mflux on Linux
brings torch and CUDA along.
"""

import sys
import tomllib
from pathlib import Path

__all__ = ["write_bounds"]

ROOT = Path(__file__).resolve().parents[1]


def write_bounds(folder: Path) -> None:
    """Write `overrides.txt` and `constraints.txt`, a requirement a line.

    Args:
        folder: Made where it is absent.
    """
    uv = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("overrides", "constraints"):
        lines = uv[f"{name.removesuffix('s')}-dependencies"]
        (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    write_bounds(Path(sys.argv[1]))
