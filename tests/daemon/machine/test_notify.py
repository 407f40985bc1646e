"""What a service manager hears, over a socket of its own."""

import os
import sys
from pathlib import Path

import pytest

from kilnmark.daemon.machine.notify import ServiceManager
from tests.daemon.machine.listening import listening


@pytest.mark.parametrize("abstract", [False, pytest.param(True, marks=pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has abstract names"))])  # fmt: skip
def test_each_word_is_a_message_of_its_own(home: Path, abstract: bool) -> None:
    with listening(home, abstract=abstract) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": heard.name})
        manager.ready()
        manager.reloading()
        manager.well()
        manager.needs(1.5)
        manager.stopping()
        assert heard.next() == {"READY": "1"}
        reloading = heard.next()
        assert (reloading.pop("RELOADING"), int(reloading.pop("MONOTONIC_USEC")) > 0, reloading) == ("1", True, {})
        assert [heard.next() for _ in range(3)] == [
            {"WATCHDOG": "1"}, {"EXTEND_TIMEOUT_USEC": "1500000"}, {"STOPPING": "1"},
        ]  # fmt: skip
        manager.close()


def test_a_status_is_one_line_said_once_however_it_is_worded(home: Path) -> None:
    with listening(home) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": heard.name})
        for _ in range(2):
            manager.say("lost\nREADY=1 \udc80" + "x" * 500)
        manager.stopping()
        told = heard.next()["STATUS"]
        assert told.startswith("lost READY=1 ")
        assert len(told) == 200
        assert heard.next() == {"STOPPING": "1"}
        manager.close()


def test_what_there_is_no_room_for_is_told_later_and_never_waited_for(home: Path) -> None:
    with listening(home) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": heard.name})
        for number in range(5000):
            manager.say(str(number))
        manager.reloading()
        manager.ready()
        assert int(heard.until("STATUS")) == 0
        while "RELOADING" not in (told := heard.next()):
            assert "STATUS" in told
            manager.well()
        assert heard.next() == {"READY": "1"}
        manager.close()


def test_no_child_takes_the_variables_for_its_own_and_a_watchdog_is_for_the_process_it_names(home: Path) -> None:
    with listening(home) as heard:
        for pid, watchdog in ((str(os.getpid()), 30.0), ("", 30.0), ("1", None)):
            variables = {
                "NOTIFY_SOCKET": heard.name, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": pid, "HOME": "/",
            }  # fmt: skip
            manager = ServiceManager(variables)
            assert (manager.watchdog, variables) == (watchdog, {"HOME": "/"})
            manager.close()
    assert ServiceManager({"WATCHDOG_USEC": "0"}).watchdog is None
    assert ServiceManager({"WATCHDOG_USEC": "soon"}).watchdog is None


@pytest.mark.parametrize("name", ["vsock:2:1234", "/nowhere/at/all", "/" + "x" * 200])
def test_a_manager_that_cannot_be_told_anything_costs_a_line_of_the_log(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": name})
    assert not manager.listens
    manager.ready()
    assert len(caplog.records) == 1


def test_a_manager_that_went_away_is_told_nothing_more(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with listening(home) as heard:
        manager = ServiceManager({"NOTIFY_SOCKET": heard.name})
    manager.ready()
    manager.stopping()
    assert not manager.listens
    assert len(caplog.records) == 1


def test_where_there_is_none_nothing_is_told() -> None:
    manager = ServiceManager({})
    manager.ready()
    assert not manager.listens
