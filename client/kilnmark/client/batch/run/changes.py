"""What one picture of an entry was made of otherwise than another, in words for whoever has to look again.

Manifest entries in, a sentence's part out; no file is read.
"""

from collections.abc import Iterator

from kilnmark.client.batch.run.picture import Picture
from kilnmark.protocol.picture.spec import NUMBERS, PictureSpec

__all__ = ["changes_between"]

_NAMES = {"negative_prompt": "negative prompt", "start": "picture to start from", "references": "reference pictures"}
"""What people call a field of a spec, where it is not its name."""

_SHORT = (*NUMBERS, "seed", "variant", "strength")
"""Fields whose values can stand in a sentence."""


def changes_between(before: Picture, now: Picture) -> str:
    """Such as `its prompt has changed, its seed was 7 and is 12`; empty where everything known is the same."""
    return ", ".join(_changes(before, now))


def _changes(before: Picture, now: Picture) -> Iterator[str]:
    for name in PictureSpec.__struct_fields__:
        old, new = getattr(before, name), getattr(now, name)
        if old == new:
            continue
        called = _NAMES.get(name, name)
        short = name in _SHORT and isinstance(old, str | int | float) and isinstance(new, str | int | float)
        has = "have" if called.endswith("s") and not short else "has"
        yield f"its {called} was {old} and is {new}" if short else f"its {called} {has} changed"
    if _stack(before) != _stack(now):
        yield "its adapters have changed"
    if "" not in (before.fingerprint, now.fingerprint) and before.variant == now.variant:
        if before.fingerprint != now.fingerprint:
            yield "its base is another"
        elif before.numerics != now.numerics:
            yield f"its base computed in {before.numerics} and computes in {now.numerics}"


def _stack(picture: Picture) -> list[object]:
    return [(lora.sha256, lora.scale, lora.asked_blocks) for lora in picture.loras]
