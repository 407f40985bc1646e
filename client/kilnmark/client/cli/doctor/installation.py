"""What is installed: this product, its Python, and every package that it asks for, in a version that it takes.

By the metadata of the packages alone; none of them is imported.
"""

import platform
import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from operator import ge, gt, le, lt
from typing import NamedTuple

from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.patient import Patient

__all__ = ["Required", "has_daemon", "look_at_installation", "required"]

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?\s*(?P<bounds>[^;]*)(?:;(?P<marker>.*))?")
_BOUND = re.compile(r"(>=|<=|==|<|>)\s*([\w.]+)")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)""")
_BACK_ENDS = {"cpu": "a CPU", "cuda": "CUDA"}
_HOLDS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {">=": ge, "<=": le, "<": lt, ">": gt}
_HEART = ("mflux", "mlx", "uvloop")
"""Without any of these nobody meant to install a daemon."""


class Required(NamedTuple):
    """One package that is asked for.

    Attributes:
        name: As its index has it.
        bounds: On its version, as they are written.
        extra: Of this product; empty: everybody needs it.
        installed: Its version here; None: it is not.
    """

    name: str
    bounds: str
    extra: str
    installed: str | None

    @property
    def fits(self) -> bool:
        """Whether it is here in a version that is taken."""
        if self.installed is None:
            return False
        here = _numbers(self.installed)
        return all(
            here == _numbers(bound) if how == "==" else _HOLDS[how](here, _numbers(bound))
            for how, bound in _BOUND.findall(self.bounds)
        )


def required() -> list[Required]:
    """Every package that this product asks for, its extras' included."""
    found = []
    for line in requires("kilnmark") or []:
        parts = _REQUIREMENT.match(line)
        if parts is None or parts["name"] == "kilnmark":
            continue
        extra = _EXTRA.search(parts["marker"] or "")
        name = parts["name"]
        found.append(Required(name, parts["bounds"].strip(" ()"), extra[1] if extra else "", _installed(name)))
    return found


def has_daemon(packages: list[Required]) -> bool:
    """Whether somebody meant to install a daemon here."""
    return any(package.installed for package in packages if package.name in _HEART)


def look_at_installation(patient: Patient) -> Iterator[Observation]:
    """This product and its Python, then what is missing or of a wrong version, then the daemon's part."""
    python = f"Python {platform.python_version()} ({sys.executable})"
    yield ok("installation", f"kilnmark {version('kilnmark')}, {python}, {platform.system()} {platform.machine()}")
    packages = required()
    yield from _amiss([package for package in packages if not package.extra], "kilnmark")
    back_ends = _back_ends(packages) if patient.platform == "linux" else {}
    extra = "daemon" if patient.platform == "darwin" else next((name for name in back_ends), "cpu")
    if not has_daemon(packages):
        yield ok("daemon's part", "not installed: this machine can ask a daemon, and run none", _add(extra))
        return
    ours = [package for package in packages if package.extra == "daemon"]
    amiss = list(_amiss(ours, f"kilnmark[{extra}]"))
    yield from amiss
    if not amiss:
        heart = ", ".join(f"{package.name} {package.installed}" for package in ours if package.name in _HEART)
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


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(written: str) -> tuple[int, ...]:
    """The release of a version, without zeros at its end."""
    found = re.match(r"\d+(?:\.\d+)*", written)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
