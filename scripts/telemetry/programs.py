"""A trace store and a metrics store from package registries, without root and without containers.

Phoenix comes from PyPI into an environment of its own, Prometheus from PATH or else as Debian's packages, unpacked into
`.stores`. Nothing is started here.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "STORES", "Programs", "fetch"]

ROOT: Final = Path(__file__).resolve().parents[2]
STORES: Final = ROOT / ".stores"
"""Programs, and what the stores of the recipe keep."""

PHOENIX: Final = "arize-phoenix==20.26.1"
DEBIAN: Final = (
    "prometheus",
    "fonts-glyphicons-halflings",
    "libjs-bootstrap4",
    "libjs-d3",
    "libjs-eonasdan-bootstrap-datetimepicker",
    "libjs-jquery",
    "libjs-jquery-hotkeys",
    "libjs-moment",
    "libjs-moment-timezone",
    "libjs-mustache",
    "libjs-popper.js",
    "libjs-rickshaw",
)
"""Prometheus, and what its pages are made of there."""

PATIENCE: Final = 900.0
"""Seconds that an installation may take."""

_UV: Final = ROOT / ".uv" / "bin" / "uv"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Programs:
    """Where they are.

    Attributes:
        pages: What Prometheus makes its pages of; None where it has them in itself.
    """

    phoenix: Path
    prometheus: Path
    promtool: Path
    pages: Path | None


def fetch(tell: Tell) -> Programs:
    """Get what is missing.

    Args:
        tell: Called with a line before anything that takes time.

    Raises:
        SystemExit: it cannot be had here; the message says what to do.
    """
    prometheus, promtool = shutil.which("prometheus"), shutil.which("promtool")
    if prometheus and promtool:
        return Programs(_phoenix(tell), Path(prometheus), Path(promtool), None)
    there = _prometheus(tell)
    binaries, pages = there / "usr" / "bin", there / "usr" / "share" / "prometheus" / "web"
    return Programs(_phoenix(tell), binaries / "prometheus", binaries / "promtool", pages)


def _phoenix(tell: Tell) -> Path:
    """The command, installed into an environment of its own."""
    there = STORES / "phoenix"
    ready = there / ".ready"
    if not ready.exists() or ready.read_text() != PHOENIX:
        tell(f"getting {PHOENIX} into {_shown(there)} (about 650 MB)")
        # Away from pyproject.toml, whose versions are kilnmark's own.
        _run(_UV, "venv", "--quiet", "--clear", "--python", sys.executable, there, cwd=there.anchor)
        _run(_UV, "pip", "install", "--quiet", "--python", there / "bin" / "python", PHOENIX, cwd=there.anchor)
        ready.write_text(PHOENIX)
    return there / "bin" / "phoenix"


def _prometheus(tell: Tell) -> Path:
    """Where Debian's packages are unpacked."""
    there = STORES / "prometheus"
    if there.exists():
        return there
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            sys.exit(f"kilnmark: there is no prometheus and promtool on PATH, and no {tool}: {_elsewhere()}")
    tell(f"getting Debian's prometheus into {_shown(there)} (about 200 MB)")
    STORES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=STORES) as folder:
        _run("apt-get", "download", "-qq", *DEBIAN, cwd=folder, mend="is its list of packages old? sudo apt-get update")
        unpacked = Path(folder) / "unpacked"
        for package in sorted(Path(folder).glob("*.deb")):
            _run("dpkg-deb", "-x", package, unpacked)
        unpacked.rename(there)
    return there


def _elsewhere() -> str:
    if platform.system() == "Darwin":
        return "brew install prometheus"
    return "install Prometheus 2.40 or later by what this system has for it"


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _index() -> dict[str, str]:
    """The environment, with pip's index for uv, which does not read pip's variable."""
    index = os.environ.get("PIP_INDEX_URL")
    return ({"UV_DEFAULT_INDEX": index} if index else {}) | os.environ


def _run(*command: str | Path, cwd: str | None = None, mend: str = "") -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, env=_index())
    except subprocess.TimeoutExpired:
        sys.exit(f"kilnmark: {command[0]} took more than {PATIENCE:g} s")
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        sys.exit(f"kilnmark: {command[0]} failed: {said}" + f" ({mend})" * bool(mend))
