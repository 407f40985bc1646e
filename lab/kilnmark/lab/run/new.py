"""A new run: its folder, and a `run.toml` that says beside each choice what it decides.

The words are those of the plan's own docstrings, so that nobody has to keep two of them.
"""

import inspect
import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from pydantic import BaseModel

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.run.plan import PLAN, RunPlan
from kilnmark.lab.run.section import Section

__all__ = ["meanings", "new_run"]

_HEAD = "What was decided about this run, read by every step of it. A relative path is meant from this file's folder."
_WIDTH = 110
_ENTRY = re.compile(r"(?P<names>\w+(?:, \w+)*): (?P<text>.*)", re.DOTALL)


def new_run(folder: Path, plan: RunPlan) -> Path:
    """Make the folder of a run.

    Args:
        folder: Where; it may be there, but hold no run.
        plan: What is decided so far.

    Returns:
        Its `run.toml`.

    Raises:
        RunUnusable: It holds a run already, or cannot be written to.
    """
    path = folder / PLAN
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with written_whole(path, replace=False) as file:
            file.write(("\n".join([*_comment(_HEAD), "", *_section("", plan)]) + "\n").encode())
    except UnicodeEncodeError as error:
        raise RunUnusable(str(path), "a name in it is no text", "rename what it is of") from error
    except FileExistsError as error:
        raise RunUnusable(str(path), "there is one already", "edit it, or name another folder") from error
    except OSError as error:
        raise RunUnusable(str(path), error.strerror or str(error), "name another folder") from error
    return path


@cache
def meanings(section: type[BaseModel]) -> Mapping[str, str]:
    """What each choice of a section decides, by its name: the attributes of the class's docstring, a line each."""
    _, _, attributes = inspect.cleandoc(section.__doc__ or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=    \S)", textwrap.dedent(attributes) and attributes):
        if match := _ENTRY.fullmatch(" ".join(entry.split())):
            text = match["text"].replace("None:", "left out:")
            found |= {name.strip(): text for name in match["names"].split(",")}
    return MappingProxyType(found)


def _section(path: str, section: Section, mark: str = "") -> Iterator[str]:
    """Its choices as TOML, each below what it decides; sections in it come after its other choices.

    Args:
        path: Its name; empty for the whole plan.
        section: What is decided.
        mark: What every entry begins with: `# ` where nothing of it is.
    """
    said, within = meanings(type(section)), []
    for name, value in section:
        kind = _section_in(type(section), name)
        if kind is not None:
            within.append((name, value, kind))
            continue
        yield from _comment(said.get(name, ""))
        yield f"# {name} =" if value is None else f"{mark}{name} = {_value(value)}"
    for name, value, kind in within:
        below = f"{path}.{name}" if path else name
        yield from ("", *_comment(said.get(name) or _first_line(kind)))
        if isinstance(value, Section):
            yield from (f"{mark}[{below}]", *_section(below, value, mark))
        elif value:
            for row in value:
                yield from (f"{mark}[[{below}]]", *_section(below, row, mark))
        else:
            yield from _example(below, kind, many=value is not None)


def _example(path: str, kind: type[Section], *, many: bool) -> Iterator[str]:
    """A section that is not there, to be taken out of its comments."""
    yield f"# [[{path}]]" if many else f"# [{path}]"
    said = meanings(kind)
    for name, field in kind.model_fields.items():
        yield from _comment(f"    {said.get(name, '')}")
        default = "" if field.is_required() else field.default
        yield f"# {name} =" if default is None or field.is_required() else f"# {name} = {_value(default)}"


@cache
def _section_in(section: type[Section], name: str) -> type[Section] | None:
    """The kind of section that a choice is, or has any number of; None: it is a value."""
    return next(_sections(section.model_fields[name].annotation), None)


def _sections(annotation: object) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from _sections(part)


def _first_line(section: type[Section]) -> str:
    return inspect.cleandoc(section.__doc__ or "").partition("\n")[0]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text.strip(), _WIDTH)]


def _value(value: object) -> str:
    """JSON's strings, numbers, booleans and lists of them are TOML's, too; a mapping is an inline table."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float) and math.isinf(value):
        return "inf"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
