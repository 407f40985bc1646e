"""A new run: its folder, and a `run.toml` that says beside each choice what it decides."""

import json
from pathlib import Path

from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.run.plan import PLAN, RunPlan

__all__ = ["new_run"]


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
        with path.open("x", encoding="utf-8") as file:
            file.write(_text(plan))
    except FileExistsError as error:
        raise RunUnusable(str(path), "there is one already", "edit it, or name another folder") from error
    except OSError as error:
        raise RunUnusable(str(path), error.strerror or str(error), "name another folder") from error
    return path


def _text(plan: RunPlan) -> str:
    """TOML: every choice that is made, section by section."""
    document = plan.model_dump(mode="json", exclude_none=True)
    top = {name: value for name, value in document.items() if not isinstance(value, dict)}
    sections = {name: value for name, value in document.items() if isinstance(value, dict)}
    lines = [*_entries(top)]
    for name, section in sections.items():
        tables = {key: value for key, value in section.items() if value and _is_tables(value)}
        lines += ["", f"[{name}]", *_entries({key: value for key, value in section.items() if key not in tables})]
        for key, rows in tables.items():
            for row in rows:
                lines += ["", f"[[{name}.{key}]]", *_entries(row)]
    return "\n".join(lines) + "\n"


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _entries(values: dict[str, object]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in values.items()]


def _value(value: object) -> str:
    """JSON's strings, numbers, booleans and lists of them are TOML's, too; a mapping is an inline table."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return json.dumps(value, ensure_ascii=False)
