"""Importing the client is light, and what it promises is there."""

import subprocess
import sys

import pytest

import kilnmark.client


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_else() -> None:
    assert modules_after("import kilnmark.client").isdisjoint({"msgspec", "opentelemetry", "rich", "click", "asyncio"})


def test_neither_client_nor_command_line_needs_what_the_daemon_needs() -> None:
    loaded = modules_after("from kilnmark.client import Client, AsyncClient; import kilnmark.client.cli.main")
    assert loaded.isdisjoint({"mlx", "mflux", "uvloop", "kilnmark.daemon", "kilnmark.engine", "opentelemetry.sdk"})


@pytest.mark.parametrize("name", kilnmark.client.__all__)
def test_every_name_has_its_home(name: str) -> None:
    assert getattr(kilnmark.client, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Kiln"):
        _ = kilnmark.client.Kiln
