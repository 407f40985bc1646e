"""One machine of the farm: a daemon, a node of its own network, a small disk, and a clock that may be off."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kilnmark.client import Client
from kilnmark.client.errors import ClientError
from scripts.farm_faults.network import Cable
from tests.faults.preload import Control, library

__all__ = ["Machine", "machine"]

_NODE = """
import sys
from tests.faults.preload import heed
heed(sys.argv[1])
sys.argv = ["kilnmark", *sys.argv[2:]]
from kilnmark.client.cli.main import main
main()
"""

_DISK = "24m"


class Machine:
    """A machine.

    Args:
        name: Of its node.
        home: A folder of its own.
        cable: To the others.
        broker: The broker's address.
        lease: Seconds.

    Attributes:
        control: Of its node's clock.
    """

    def __init__(self, name: str, home: Path, cable: Cable, broker: str, lease: float) -> None:
        self.name = name
        self.cable = cable
        self._home = home
        self._broker = broker
        self._lease = lease
        self._said = home / "node.log"
        (home / "loras").mkdir(parents=True)
        self.disk = home / "disk"
        self.disk.mkdir()
        self.control = Control(home / "control")
        self._daemon: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Of its daemon."""
        return self._home / "daemon.sock"

    @property
    def said(self) -> str:
        """All that its nodes wrote."""
        return self._said.read_text(errors="replace") if self._said.exists() else ""

    def begin(self) -> None:
        """Mount its disk and start its daemon."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", self.disk], check=True)
        command = [str(Path(sys.executable).with_name("kilnmark")), "serve", "--variant", "standin"]
        command += ["--socket", str(self.socket), "--output-dir", str(self.disk / "pictures")]
        command += ["--lora-root", str(self._home / "loras"), "--journal", str(self._home / "jobs.sqlite")]
        with (self._home / "daemon.log").open("wb") as log:
            self._daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def wait(self, seconds: float = 180.0) -> None:
        """Until its daemon is warm. Raises AssertionError where it does not become so."""
        over = time.monotonic() + seconds
        while time.monotonic() < over:
            with suppress(ClientError), Client(self.socket) as client:
                client.warm_up()
                return
            time.sleep(0.2)
        raise AssertionError(f"the daemon of {self.name} did not get warm")

    def join(self) -> None:
        """Start its node."""
        command = ["ip", "netns", "exec", self.cable.space, sys.executable, "-c", _NODE, str(self.control.path)]
        command += ["farm", "work", "--farm", self._broker, "--socket", str(self.socket), "--name", self.name]
        command += ["--lease", str(self._lease)]
        environment = {**os.environ, "LD_PRELOAD": library(), "PYTHONPATH": str(Path.cwd())}
        with self._said.open("ab") as log:
            self._node = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def signal(self, number: int) -> None:
        """Send its node a signal."""
        if self._node is not None:
            self._node.send_signal(number)
            if number == signal.SIGKILL:
                self._node.wait()

    def fill(self) -> None:
        """Leave no room on its disk."""
        with suppress(OSError), (self.disk / "filled").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))

    def clear(self) -> None:
        """Give the room back."""
        (self.disk / "filled").unlink(missing_ok=True)

    def end(self) -> None:
        """End all that was started for it."""
        for process in (self._node, self._daemon):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(20)
                process.kill()
                process.wait()
        subprocess.run(["umount", "-l", self.disk], check=False, capture_output=True)


@contextmanager
def machine(name: str, home: Path, cable: Cable, broker: str, lease: float) -> Iterator[Machine]:
    """A machine until the block ends."""
    made = Machine(name, home, cable, broker, lease)
    try:
        made.begin()
        yield made
    finally:
        made.end()
