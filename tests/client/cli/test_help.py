"""The help of every command on a terminal of 80 columns: nothing is cut, and nothing runs over the edge."""

import subprocess
from collections.abc import Iterator

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from kilnmark.client.cli.main import kilnmark

COLUMNS = 80
MARGIN = 2
"""Columns that click leaves free on a terminal."""
COMMANDS_OF = "Commands:"


def every(
    command: click.Command, path: tuple[str, ...] = (), above: click.Context | None = None
) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all that are below it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command, parent=above, info_name=path[-1] if path else "kilnmark")
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from every(found, (*path, name), context)


def shown(path: tuple[str, ...]) -> str:
    command: click.Command = kilnmark
    context = click.Context(kilnmark, info_name="kilnmark", terminal_width=COLUMNS - MARGIN)
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        command, context = found, click.Context(found, parent=context, info_name=name, terminal_width=COLUMNS - MARGIN)
    return command.get_help(context)


@pytest.mark.parametrize("path", list(every(kilnmark)), ids=" ".join)
def test_the_help_of_a_command_is_whole_at_80_columns(path: tuple[str, ...]) -> None:
    told = shown(path)
    assert [line for line in told.splitlines() if len(line) > COLUMNS] == []
    _, _, listed = told.partition(COMMANDS_OF)
    assert [line for line in listed.splitlines() if line.endswith("...")] == []


def test_a_shell_can_read_what_completes_the_names_of_commands() -> None:
    printed = CliRunner().invoke(kilnmark, ["completion", "bash"])
    assert printed.exit_code == 0
    script = f"{printed.stdout}\ncomplete -p kilnmark"
    read = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "_kilnmark_completion" in read.stdout
    completed = BashComplete(kilnmark, {}, "kilnmark", "_KILNMARK_COMPLETE").get_completions(["jobs"], "--fa")
    assert [item.value for item in completed] == ["--failed"]
