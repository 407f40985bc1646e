"""Every command that README and docs tell anybody to type is one that the program takes: its name and its options."""

import shlex

import click
import pytest

from kilnmark.client.cli.main import kilnmark
from tests.docs.examples.blocks import blocks, command_lines, spoken_commands

LINES = sorted(
    {(block.page, line) for block in blocks() for line in command_lines(block.text)}
    | {(page, line) for page, line in spoken_commands()}
)


def taken(line: str) -> None:
    """Go down to the command of a line, and have it read its options.

    Raises:
        click.UsageError: It has no such command or option.
    """
    words = shlex.split(line)[1:]
    command: click.Command = kilnmark
    context = click.Context(command, info_name="kilnmark")
    while isinstance(command, click.Group) and words and not words[0].startswith(("-", "...")):
        found = command.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"no command {words[0]!r}")
        command, words = found, words[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    _read(command, context, words)


def _read(command: click.Command, context: click.Context, words: list[str]) -> None:
    """An option that is said of a group is meant of each of its commands."""
    if isinstance(command, click.Group) and words and words != ["..."]:
        for name in command.list_commands(context):
            one = command.get_command(context, name)
            assert one is not None
            _read(one, click.Context(one, info_name=name, parent=context), words)
        return
    try:
        command.make_parser(context).parse_args(list(words))
    except click.BadOptionUsage as error:
        if error.option_name != words[-1]:  # one that is spoken of without its value
            raise


@pytest.mark.parametrize("page", sorted({page for page, _ in LINES}))
def test_every_command_of_a_page_is_one_that_the_program_takes(page: str) -> None:
    wrong = []
    for _, line in (each for each in LINES if each[0] == page):
        try:
            taken(line)
        except click.UsageError as error:
            wrong.append(f"{line}: {error.format_message()}")
    assert wrong == []


@pytest.mark.parametrize("line", ["kilnmark rendre x", "kilnmark render x --sead 7", "kilnmark lora inspekt x"])
def test_one_that_it_does_not_take_is_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        taken(line)
