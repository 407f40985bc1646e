"""The in-process daemon as a pytest fixture; `pytest_plugins = ["kilnmark.client.testing.fixtures"]` brings it in.

Apart from `testing`, so that whoever tests with something else needs no pytest.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from kilnmark.client.testing import fake_daemon

if TYPE_CHECKING:
    from kilnmark.daemon.in_process import InProcessDaemon

__all__ = ["kilnmark_daemon"]


@pytest.fixture
def kilnmark_daemon(monkeypatch: pytest.MonkeyPatch) -> "Iterator[InProcessDaemon]":
    """A fresh daemon with a fake worker for one test; clients that are given no socket find it."""
    with fake_daemon() as daemon:
        monkeypatch.setenv("KILNMARK_SOCKET", str(daemon.socket))
        yield daemon
