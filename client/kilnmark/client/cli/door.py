"""Errors of requests in the words of the command line: the option that has a value, not its path in a request.

Programs read the path, in the document of `--json`. What options there are is asked of the command that was called.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import click

from kilnmark.protocol.content.problems import UnknownName
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import RequestError

__all__ = ["called", "in_options"]

_PATH = re.compile(r"`\$\.params\.(?P<field>\w+)(?:\[(?P<place>\d+)\])?[^`]*`")
_OTHERS: Mapping[str, Sequence[str]] = {
    "lora_paths": ("loras", "files", "file"),
    "lora_scales": ("loras",),
    "lora_block_scales": ("loras",),
}
"""What commands call the fields that they have other names for."""


_BOUNDS: Mapping[str, str] = {
    r"^Expected `(?:int|float)` >= (-?\d+)(?:\.0)?(?= - )": r"must be \1 or more",
    r"^Expected `(?:int|float)` <= (-?\d+)(?:\.0)?(?= - )": r"must be \1 at most",
    r"^Expected `int` that's a multiple of (\d+)(?= - )": r"must be a multiple of \1",
    r"^Expected `str` of length >= 1(?= - )": "is empty",
    r"^Expected `str` of length <= (\d+)(?= - )": r"has more than \1 characters",
    r"^Expected `str` matching regex '.*\{1,(\d+)\}.*'(?= - )": r"must be letters, digits or `._-`, \1 at most",
    r"^Expected `array` of length <= (\d+)(?= - )": r"is given more than \1 times",
}
"""What the JSON library says of values out of bounds, in plain words."""


def called(command: click.Command, arguments: Sequence[str]) -> click.Command:
    """The command that arguments call, as far as they do."""
    context = click.Context(command)
    for word in arguments:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is not None:
            command, context = found, click.Context(found, parent=context)
    return command


def in_options(error: KilnmarkError, command: click.Command) -> str:
    """The sentence of an error, as the person who called that command reads it."""
    if isinstance(error, RequestError):
        message = error.message
    elif isinstance(error, UnknownName):
        what, _, mend = error.problems[0].message.partition("; ")
        message = f"{what} - at `$.params.{error.kind}`; {mend}"
    else:
        return str(error)
    names = dict(_names(command))
    if not any(found["field"] in names for found in _PATH.finditer(message)):
        return str(error)
    for pattern, words in _BOUNDS.items():
        message = re.sub(pattern, words, message)
    message = _PATH.sub(lambda found: _place(found, names), message)
    spelt = "|".join(name for name in names if "_" in name)
    return re.sub(rf"(?<![\w`./-])({spelt})(?!\w)", lambda word: names[word[1]], message) if spelt else message


def _place(found: re.Match[str], names: Mapping[str, str]) -> str:
    name = names.get(found["field"], found["field"])
    return f"`{name}`" if found["place"] is None else f"`{name}` no. {int(found['place']) + 1}"


def _names(command: click.Command) -> Iterator[tuple[str, str]]:
    """Fields of a request, and what the command calls each."""
    own = {parameter.name: _shown(parameter) for parameter in command.get_params(click.Context(command))}
    yield from ((name, shown) for name, shown in own.items() if name)
    for field, others in _OTHERS.items():
        yield from ((field, own[name]) for name in others if name in own)


def _shown(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return (parameter.metavar or (parameter.name or "").upper()).rstrip(".")
    return max(parameter.opts, key=len)
