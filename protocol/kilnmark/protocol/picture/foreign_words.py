"""Prompts that carry another program's syntax: weights, adapters, embeddings, parts, wildcards, options.

Here a prompt is words and nothing else, so that all of it is read by the model as it stands. Whoever brought such a
prompt along is told; prose with brackets in it is not accused.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["foreign_words"]

_SHOWN = 3
"""Examples of one kind that a sentence repeats, and how much of each."""
_LONGEST = 40


class _Habit(NamedTuple):
    """What one kind of syntax looks like, and what is done here instead."""

    pattern: re.Pattern[str]
    mend: str


_WEIGHT = r"-?(?:[0-2](?:\.\d+)?|\.\d+)"
"""A number near 1, which a time, a verse or a ratio (10:30, 3:16, 16:9) is not."""

_HABITS: Mapping[str, _Habit] = {
    "weights": _Habit(
        re.compile(
            rf"""
              \([^()\[\]<>]*[^()\[\]<>\s\d]:{_WEIGHT}\)     # (neon:1.4), (rain, fog:0.8)
            | \[[^()\[\]<>]*[^()\[\]<>\s\d]:{_WEIGHT}\]     # [neon:0.6], [fox:wolf:0.5]
            | \(\([^()]+\)\)+ | \[\[[^\[\]]+\]\]+           # ((neon)), [[fog]]
            | \[[^\[\]|]+\|[^\[\]]+\]                       # [fox|wolf]
            | (?:(?<=,\s)|(?<=,)|^)\[[^\[\]\n,]+\](?=,|$)   # a list of tags, one of them in brackets
            | \w::{_WEIGHT}(?!\w)                           # neon::2
            """,
            re.VERBOSE,
        ),
        "no word weighs more than another; say it in plain words, what matters first",
    ),
    "adapters": _Habit(
        re.compile(r"<(?:lora|lyco|loha|lokr|hypernet):[^<>]*>", re.IGNORECASE),
        "adapters stand beside a prompt, in lora_paths or extra_loras, `--lora`, or the style",
    ),
    "embeddings": _Habit(
        re.compile(r"\bembedding:[\w./-]+|<embedding:[^<>]*>", re.IGNORECASE),
        "no embedding is read here; say what it stands for in words",
    ),
    "parts": _Habit(
        re.compile(
            r"(?<!\S)(?:BREAK|ADDCOMM|ADDCOL|ADDROW)(?!\w)"
            r"|(?<=[a-z0-9),] )AND(?= [a-z0-9(])",
        ),
        "a prompt is read as one here; write one description",
    ),
    "wildcards": _Habit(
        re.compile(r"\{[^{}|]*\|[^{}]*\}|(?<!\w)__[A-Za-z][\w/-]{0,60}?__(?!\w)"),
        "nothing is drawn from lists here; write one of them",
    ),
    "options": _Habit(
        re.compile(r"(?<!\S)--(?:ar|aspect|v|version|niji|no|s|stylize|chaos|q|quality|iw|sref|cref|tile)(?=\s|$)"),
        "no option is read from a prompt here; size, seed and the rest stand beside it",
    ),
    "escapes": _Habit(
        re.compile(r"\\[()\[\]{}]"),
        "brackets mean nothing here; write them without a backslash",
    ),
}

_QUOTED = re.compile(r"\"[^\"\n]*\"|\u201c[^\u201c\u201d\n]*\u201d|'[A-Z][A-Z ]*'")
_SAID = re.compile(r"\b(?:words?|text|letters|says|saying|reads|reading|spells|called|named|titled)\s+[A-Z]{3,}\b")
"""What a picture is to have written in it is quoted, or announced."""


def foreign_words(prompt: str, called: str = "prompt") -> Iterator[str]:
    """A sentence for each kind of syntax that a prompt carries, with examples and what is done instead.

    Args:
        prompt: As it was asked for.
        called: What sentences call it.
    """
    bare = _SAID.sub(" ", _QUOTED.sub(" ", prompt))
    for kind, habit in _HABITS.items():
        found = list(dict.fromkeys(each[0].strip() for each in habit.pattern.finditer(bare)))
        if found:
            what = f"the {called} has {kind} of another program ({_examples(found)}), which are plain words here"
            yield f"{what}: {habit.mend}"


def _examples(found: list[str]) -> str:
    shown = [each if len(each) <= _LONGEST else f"{each[:_LONGEST]}..." for each in found[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
