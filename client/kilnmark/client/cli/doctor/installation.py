"""What is installed: this product, its Python, and every package that it asks for, in a version that it takes.

By the metadata of the packages alone; none of them is imported.
"""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version

from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.packages import HEART, Required
from kilnmark.client.cli.doctor.patient import Patient

__all__ = ["look_at_installation"]

_BACK_ENDS = {"cpu": "a CPU", "cuda": "CUDA"}


def look_at_installation(patient: Patient) -> Iterator[Observation]:
    """This product and its Python, then what is missing or of a wrong version, then the daemon's part."""
    python = f"Python {platform.python_version()} ({sys.executable})"
    yield ok("installation", f"kilnmark {version('kilnmark')}, {python}, {platform.system()} {platform.machine()}")
    packages = patient.packages
    yield from _amiss([package for package in packages if not package.extra], "kilnmark")
    back_ends = _back_ends(packages) if patient.platform == "linux" else {}
    extra = "daemon" if patient.platform == "darwin" else next((name for name in back_ends), "cpu")
    if not patient.can_serve:
        yield ok("daemon's part", "not installed: this machine can ask a daemon, and run none", _add(extra))
        return
    ours = [package for package in packages if package.extra == "daemon"]
    amiss = list(_amiss(ours, f"kilnmark[{extra}]"))
    yield from amiss
    if not amiss:
        heart = ", ".join(f"{package.name} {package.installed}" for package in ours if package.name in HEART)
        yield ok("daemon's part", heart)
    if patient.platform == "linux":
        yield from _back_end(back_ends)


def _amiss(packages: list[Required], distribution: str) -> Iterator[Observation]:
    mend = f"run `pip install --upgrade '{distribution}'` in this Python, or `make setup` in a checkout"
    if missing := [package.name for package in packages if package.installed is None]:
        yield fault("installation", f"{' and '.join(missing)} {_be(missing)} not installed", mend)
    for package in packages:
        if package.installed is not None and not package.fits:
            found = f"{package.name} is {package.installed}, and {package.bounds} is asked for"
            yield warning("installation", found, mend)


def _back_ends(packages: list[Required]) -> dict[str, str]:
    """Which back ends of MLX are installed, each extra with the package that it brings for itself alone."""
    common = {package.name for package in packages if package.extra == "daemon"}
    own = [package for package in packages if package.extra in _BACK_ENDS and package.name not in common]
    return {package.extra: f"{package.name} {package.installed}" for package in own if package.installed}


def _back_end(installed: dict[str, str]) -> Iterator[Observation]:
    if not installed:
        yield fault("daemon's part", "mlx has no back end here", _add("cpu") + "; for an NVIDIA card, kilnmark[cuda]")
    elif len(installed) > 1:
        found = f"mlx has two back ends, {' and '.join(installed.values())}; which one computes is chance"
        yield warning("daemon's part", found, "uninstall the one that this machine is not to use")


def _add(extra: str) -> str:
    return f"to make pictures here, run `pip install 'kilnmark[{extra}]'`"


def _be(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
