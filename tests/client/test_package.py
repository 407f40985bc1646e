"""Importing the client is light, and what it promises is there."""

import subprocess
import sys

import msgspec
import pytest

import kilnmark.client
from kilnmark.protocol.wire import errors, methods


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_else() -> None:
    assert modules_after("import kilnmark.client").isdisjoint({"msgspec", "opentelemetry", "rich", "click", "asyncio"})


def test_the_blocking_client_brings_no_event_loop() -> None:
    assert "asyncio" not in modules_after("from kilnmark.client import Client")


def test_neither_client_nor_command_line_needs_what_the_daemon_needs() -> None:
    loaded = modules_after("from kilnmark.client import Client, AsyncClient; import kilnmark.client.cli.main")
    assert loaded.isdisjoint({"mlx", "mflux", "uvloop", "kilnmark.daemon", "kilnmark.engine", "opentelemetry.sdk"})


@pytest.mark.parametrize("name", dir(kilnmark.client))
def test_every_name_has_its_home(name: str) -> None:
    assert getattr(kilnmark.client, name).__name__ == name


@pytest.mark.parametrize("method", methods.METHODS, ids=lambda method: method.name)
def test_whatever_a_method_answers_with_is_public(method: methods.WireMethod[msgspec.Struct, msgspec.Struct]) -> None:
    assert getattr(kilnmark.client, method.result.__name__) is method.result


def test_whatever_a_daemon_answers_badly_with_is_public() -> None:
    assert {each.__name__ for each in errors.BY_CODE.values()} <= set(dir(kilnmark.client))


def test_a_star_brings_what_is_public_and_no_more() -> None:
    names: dict[str, object] = {}
    exec("from kilnmark.client import *", names)
    assert set(names) - {"__builtins__"} == set(dir(kilnmark.client))


@pytest.mark.parametrize("name", ["Kiln", "__path_hooks__", "TYPE_CHECKIN"])
def test_a_name_that_is_not_there_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(kilnmark.client, name)
