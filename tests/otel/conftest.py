"""Every test of this room begins with no OTEL_ variable set, whatever the machine has, and with loud loggers."""

import os
import threading
from collections.abc import Iterator

import pytest

from kilnmark.otel import quiet
from kilnmark.otel.receiver import Receiver


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _fresh_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiet._shared, "_next", float("-inf"))


@pytest.fixture(scope="module", autouse=True)
def _leave_no_exporter() -> Iterator[None]:
    """One left behind draws from `random` for its pauses, which hypothesis holds against whoever draws then."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith(("kilnmark-otel-stop", "Otel")):
            thread.join(60)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """An open receiver that the standard variables point at."""
    with Receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        yield receiver
