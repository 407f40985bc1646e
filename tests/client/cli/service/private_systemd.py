"""A systemd of one user's, shut in: the real one, on machines that run none, or another.

It has a mount namespace and a control group of its own and sees no other, since a systemd takes every process of the
group that it finds itself in for its own and moves it. It wants systemd, util-linux, control groups of version 2
and the right to make namespaces; what of it is missing, `reason_against` says.
"""

import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["PrivateSystemd", "reason_against"]

PATIENCE = 60.0

_RUN = "/run/user/0"
_BEGIN = f"""
mount --bind "$GROUP" /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/systemd/journal {_RUN}
chmod 700 {_RUN}
"""


def reason_against() -> str | None:
    """Why it cannot be had here; None: it can."""
    for program in ("systemctl", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    if os.geteuid() != 0:
        return "only root may make a mount namespace here"
    if _groups() is None:
        return "there are no control groups of the second version"
    made = subprocess.run(["unshare", "-m", "-C", "true"], capture_output=True, text=True, check=False, timeout=60)
    return None if made.returncode == 0 else f"no namespaces can be made: {made.stderr.strip()}"


def _groups() -> Path | None:
    """Where the control groups of the second version are."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[fields.index("-") + 1] == "cgroup2":
            return Path(fields[4])
    return None


def _placed() -> list[str]:
    """The control groups of this process and of the first."""
    return [Path(f"/proc/{pid}/cgroup").read_text() for pid in ("self", "1")]


class PrivateSystemd:
    """Runs from `with` to its end.

    Args:
        home: Of the user it serves.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
        self._env = {**kept, "HOME": str(home), "XDG_RUNTIME_DIR": _RUN}

    def __enter__(self) -> Self:
        groups = _groups()
        assert groups is not None
        self._group = groups / f"kilnmark-test-{os.getpid()}"
        self._group.mkdir()
        self._log = (self.home / "systemd.log").open("wb")
        inner = f"{_BEGIN}\nexec /lib/systemd/systemd --user --log-target=console"
        outer = 'echo $$ > "$GROUP/cgroup.procs"; exec unshare -m -C sh -ec "$INNER"'
        env = {**self._env, "GROUP": str(self._group), "INNER": inner}
        before = _placed()
        self._manager = subprocess.Popen(["sh", "-ec", outer], env=env, stdout=self._log, stderr=self._log)
        self._wait_until_it_answers()
        assert _placed() == before, "processes were moved to other control groups"
        self._journal = subprocess.Popen(
            [*self._inside, "/lib/systemd/systemd-journald"], env=self._env, stdout=self._log, stderr=self._log
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        for process in (self._manager, self._journal):
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
        self._log.close()
        for group in sorted(self._group.rglob("*/"), reverse=True):
            group.rmdir()
        self._group.rmdir()

    def run(self, *command: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run something as its user."""
        return subprocess.run(
            [*self._inside, *command], env={**self._env, **env}, cwd=self.home,
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip

    def shown(self, name: str) -> str:
        """A property of the service."""
        return self.run(
            "systemctl", "--user", "show", "kilnmark.service", f"--property={name}", "--value"
        ).stdout.strip()

    @property
    def _inside(self) -> list[str]:
        return ["nsenter", "--target", str(self._manager.pid), "--mount", f"--wd={self.home}"]

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.run("systemctl", "--user", "is-system-running").stdout.strip() not in ("running", "degraded"):
            assert self._manager.poll() is None, (self.home / "systemd.log").read_text()
            assert time.monotonic() < deadline
            select.select([], [], [], 0.1)
