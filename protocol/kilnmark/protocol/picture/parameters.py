"""The `parameters` text of a PNG, as the web UIs of the field write and read it: the words, then one line of fields.

That form has no way to say that a prompt only looks like a field. So whatever a reader could take for one, or for a
line of its own, is quoted as JSON quotes, and no colon stands behind the name of a field in it: who looks for `Seed:`
finds ours alone, and `json.loads` gives the words back. We ourselves read the record.
"""

import re
from collections.abc import Iterable

from msgspec import UNSET

from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.spec import TOOL_NAMES
from kilnmark.protocol.printable import printable_json

__all__ = ["PARAMETERS_CHUNK", "parameters_text"]

PARAMETERS_CHUNK = "parameters"

_NEGATIVE = "Negative prompt"
_OURS = (
    "Steps",
    "Sampler",
    "CFG scale",
    *TOOL_NAMES.values(),
    "Seed",
    "Size",
    "Model",
    "Model hash",
    "Version",
    "Lora hashes",
    "Lora weights",
    "Denoising strength",
    "Notice",
)
_OTHERS = (
    "Clip skip",
    "ENSD",
    "Hashes",
    "Hires sampler",
    "Hires steps",
    "Hires upscale",
    "Hires upscaler",
    "Negative Template",
    "RNG",
    "Schedule type",
    "TI hashes",
    "Template",
    "VAE",
    "VAE hash",
    "Variation seed",
    "Variation seed strength",
)
"""Fields that tools of the field know beside ours."""

_FIELD = re.compile(rf"(?:{'|'.join(map(re.escape, (_NEGATIVE, *_OURS, *_OTHERS)))})\s*:", re.IGNORECASE)
"""What a reader could take for the beginning of a field, wherever it looks for one."""
_WHOLE_FIELD = re.compile(rf"\b{_FIELD.pattern}", re.IGNORECASE)


def parameters_text(record: PictureRecord) -> str:
    """The text about a picture."""
    lines = [_quoted(record.prompt)]
    if record.negative_prompt:
        lines.append(f"{_NEGATIVE}: {_quoted(record.negative_prompt)}")
    facts = {
        "Steps": record.steps,
        "Sampler": "Euler",
        "CFG scale": 1.0,
        **{TOOL_NAMES.get(name, name.capitalize()): value for name, value in record.settings.items()},
        "Seed": record.seed,
        "Size": f"{record.width}x{record.height}",
        "Model": _value(record.base.variant),
        "Model hash": record.base.fingerprint[:10],
        "Version": f"kilnmark {record.kilnmark_version}",
    }
    if record.strength is not UNSET:
        facts["Denoising strength"] = f"{1 - record.strength:.4g}"  # theirs is how much of it is painted over
    if record.loras:
        facts |= {
            "Lora hashes": _listed((lora.name, lora.sha256[:12]) for lora in record.loras),
            "Lora weights": _listed((lora.name, f"{lora.scale_words} {lora.verdict}") for lora in record.loras),
        }
    if record.notice:
        facts["Notice"] = _json(record.notice)
    lines.append(", ".join(f"{name}: {value}" for name, value in facts.items()))
    return "\n".join(lines)


def _quoted(text: str, separators: str = "") -> str:
    """As it is, where nobody can take it for anything else.

    Args:
        text: From outside.
        separators: What would end it where it is put.
    """
    is_plain = text.isprintable() and not text.startswith('"') and not any(mark in text for mark in separators)
    return text if is_plain and not _WHOLE_FIELD.search(text) else _json(text)


def _json(text: str) -> str:
    """A JSON string in which no colon ends the name of a field: it is written as its number there."""
    return _FIELD.sub(lambda found: found.group()[:-1] + "\\u003a", printable_json(text))


def _value(text: str) -> str:
    """Of a field: what has a comma, a colon or a quote in it is quoted."""
    return _quoted(text, ',:"')


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    """Of a field with several names in it, each with what is said of it."""
    return _json(", ".join(f"{_value(name)}: {said}" for name, said in pairs))
