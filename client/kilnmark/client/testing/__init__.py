"""For tests of programs that use a daemon: one within the test's own process, whose pictures are a fake's.

Everything between the socket and the worker is the real daemon; only the worker is a fake, and says so in the record of
every picture. The light installation is enough. This room alone of the client imports the daemon, and only when it is
asked for one. `fixtures` has the same for pytest.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kilnmark.daemon.in_process import InProcessDaemon

__all__ = ["fake_daemon"]


def fake_daemon(**settings: Any) -> "InProcessDaemon":
    """A daemon that serves within a `with` block, from a socket in a private folder that goes with it.

    Args:
        settings: Of the daemon, by the names of `kilnmark.protocol.settings.Settings`: `queue_limit=3`.

    Returns:
        A context manager. Its `socket` is the path for clients, `loras` a folder that adapters are read from,
        `pictures` where pictures go, and `worker` the fake, whose script may be changed.
    """
    from kilnmark.daemon.in_process import InProcessDaemon

    return InProcessDaemon(**settings)
