"""How far a render has come, as its progress notifications say it: a number on one growing scale, and a word.

Pure functions of what the worker reports; nothing is sent here.
"""

from kilnmark.protocol.wire import work

__all__ = ["SILENT_STAGES", "position", "progress_total", "stage_words"]

SILENT_STAGES = {"warming": 0.0, "queued": 0.5}
"""Where on the scale of `position` a render stands before the worker has it."""

_ADAPTERS, _ENCODE = 1.0, 2.0


def progress_total(steps: int) -> float:
    """The end of the scale: adapters, encode, each denoise step, decode, save, and the reply itself."""
    return steps + 5.0


def position(event: work.Stepped) -> float:
    """Where a render stands on the scale from 0 to `progress_total`; it grows with everything the worker reports."""
    match event.stage:
        case "adapters":
            return _ADAPTERS
        case "encode":
            return _ENCODE
        case "denoise":
            return _ENCODE + (event.step or 0.5)
        case "decode":
            return _ENCODE + event.steps + 1.0
        case "save":
            return _ENCODE + event.steps + 2.0


def stage_words(event: work.Stepped) -> str:
    """The stage as a person reads it: `denoise 2/4`, or the stage's name alone."""
    return f"denoise {event.step}/{event.steps}" if event.stage == "denoise" else event.stage
