"""What a training began with: the versions of everything that decides what it comes to, and whether they still hold.

They are asked of the Python that the trainer runs in, which may be another one than this.
"""

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from kilnmark.lab.training.errors import TrainerUnusable

__all__ = ["changes", "environment_of"]

_SECONDS = 120.0
_PROBE = """
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def environment_of(
    trainer: str, command: Sequence[str], packages: Sequence[str], checkout: Path | None
) -> dict[str, str]:
    """Versions by name: this program's, the trainer's Python's, its packages', and the commit of its checkout.

    Args:
        trainer: Its name, for what is said where it gives no answer.
        command: Of the training; its program says which Python.
        packages: Whose versions count; those that are not installed are left out.
        checkout: The trainer's folder; None: it has none.

    Raises:
        TrainerUnusable: Its Python does not answer.
    """
    found = {"kilnmark": version("kilnmark"), "machine": f"{platform.system()} {platform.machine()}"}
    interpreter = _interpreter(Path(command[0]))
    if interpreter is not None:
        found |= _asked(trainer, interpreter, packages)
    if checkout is not None:
        found["checkout"] = _commit(checkout)
    return found


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What is not as it was, each as `name: before -> now`."""
    names = sorted({*before, *now})
    return tuple(
        f"{name}: {before.get(name, 'not there')} -> {now.get(name, 'not there')}"
        for name in names
        if before.get(name) != now.get(name)
    )


def _interpreter(program: Path) -> Path | None:
    """The Python that a program runs in; None where it is none that says so."""
    if program.name.startswith("python"):
        return program
    try:
        with program.open("rb") as file:
            first = file.readline(1024)
    except OSError:
        return None
    words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    named = next((word for word in words if Path(word).name.startswith("python")), None)
    return None if named is None or not Path(named).is_absolute() else Path(named)


def _asked(trainer: str, interpreter: Path, packages: Sequence[str]) -> Mapping[str, str]:
    try:
        told = subprocess.run(  # noqa: S603 - the trainer's own Python
            [str(interpreter), "-c", _PROBE, *packages], capture_output=True, check=True, timeout=_SECONDS
        )
        answer: Mapping[str, str] = json.loads(told.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        reason = f"{interpreter} does not say which versions it has ({type(error).__name__})"
        raise TrainerUnusable(trainer, reason, "mend that environment") from error
    return answer


def _commit(checkout: Path) -> str:
    """The commit, and whether files of it were changed; a folder that git knows nothing of says so."""
    try:
        commit = _git(checkout, "rev-parse", "HEAD")
        changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "no commit"
    return f"{commit}, changed" if changed else commit


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS)  # noqa: S603 - ours
    return told.stdout.strip()
