"""What of a reply is the same every time, and what is time, place or chance: one rule for what is recorded and played.

A field of time, place or chance keeps its type and loses its value, so that its absence, or a text where a number
was, still shows. Everything else is kept as it was sent, every word of every message too.
"""

import json
import math
import re
from typing import Any

__all__ = ["FLEETING", "RATIOS", "is_like", "normal"]

FLEETING = frozenset(
    {
        # Processes and the clock.
        "pid",
        "uptime_s",
        "created",
        "last_used",
        "trace_id",
        "image_sha256",  # of a file that says when it was made
        # Versions of ours and of libraries.
        "version",
        "kilnmark_version",
        "mflux_version",
        "mlx_version",
        # What a machine computes with, what it has, and what a run measured, in bytes.
        "backend",
        "precision",
        "memory_bytes",
        "declared_bytes",
        "device_bytes",
        "base_bytes",
        "wired_bytes",
        "active_bytes",
        "cached_bytes",
        "stack_bytes",
        "prompt_bytes",
        "bytes",
    }
)
"""Fields whose value is not recorded, beside every one that ends in `_ms`. Limits that are settings are."""

RATIOS = frozenset({"delta_ratio", "stack_delta_ratio", "probe_divergence", "norm"})
"""Measured by float arithmetic that differs in its last digits from machine to machine: see `is_like`."""

LIKENESS = 0.01
"""How far two measured ratios may be apart, relatively: a forward pass differs less with the threads of its BLAS."""

DRAWN_SEED = 1000
"""No request asks for a seed beyond this one, so a larger one was drawn."""

_IN_TEXT = (
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"), "<drawn>"),
    (re.compile(r"Version: kilnmark [\w.]+"), "Version: kilnmark ~"),
    (re.compile(r"Seed: \d{5,}"), "Seed: ~"),
    (re.compile(r"/\d{17}-"), "/<time>-"),
    (re.compile(r"\bworker \d+ "), "worker ~ "),
)
"""Inside a text: drawn ids, our version, drawn seeds, the time in a picture's name, and the number of a process."""


def normal(value: Any, home: str) -> Any:
    """A decoded message without what differs from run to run; `home` is the folder the daemon lives in."""
    return _of("", json.loads(json.dumps(value).replace(home, "<home>")))


def is_like(name: str, value: Any, other: Any) -> bool:
    """Whether two values of a field are the same, measured ratios as far as they can be."""
    if name in RATIOS and isinstance(value, float) and isinstance(other, float):
        return math.isclose(value, other, rel_tol=LIKENESS)
    return bool(value == other)


def _of(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _of(key, item) for key, item in value.items()}
        if kept.get("state") == "running":
            kept["step"] = "~number"
        return kept
    if isinstance(value, list):
        return [_of(name, item) for item in value]
    if name in FLEETING or name.endswith("_ms") or (name == "seed" and isinstance(value, int) and value > DRAWN_SEED):
        return _without_value(value)
    if name in RATIOS and isinstance(value, float):
        return float(f"{value:.4g}")
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    for pattern, stand_in in _IN_TEXT:
        text = pattern.sub(stand_in, text)
    return text


def _without_value(value: Any) -> Any:
    if value is None:
        return None
    return "~text" if isinstance(value, str) else "~number"
