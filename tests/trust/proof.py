"""Files drawn, written, read by the product, and what it says held against what is true.

A healthy file must be engaged, with every target, at its true norm, and with the true numbers in some columns.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kilnmark.keymaps.adapter import adapter_of
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.protocol.picture.report import Verdict
from tests.trust.deltas import Base, Change, base_of
from tests.trust.flaws import OF_TENSORS, Flaw, Flawed
from tests.trust.flaws_of_files import OF_FILES
from tests.trust.healthy import AdapterDrawn, draw_healthy
from tests.trust.storage import Wide, write

__all__ = ["FLAWS", "Trial", "emptied", "false_alarms", "false_trust", "numbers_of", "troubles_of_healthy"]

FLAWS = (*OF_TENSORS, *OF_FILES)

Trial = Callable[[int, int, Path], list[str]]
"""Of a seed, a file's number and a folder to write it into: what is wrong."""

_CLOSE = 1e-3
_BASE_SHARE = 2e-6
"""Of the base's own norm: what float32 leaves open of a change that is a difference of two weights."""
_LOOKED_AT = 3
_TRIES = 1000


def numbers_of(seed: int, part: int, place: int) -> np.random.Generator:
    """Of one file: any file can be drawn again alone."""
    return np.random.default_rng([seed, part, place])


def false_alarms(seed: int, place: int, folder: Path) -> list[str]:
    """What is wrong with how the product reads healthy file number `place`; it is written into `folder`."""
    numbers = numbers_of(seed, 0, place)
    drawn = draw_healthy(numbers)
    path = laid(drawn, folder)
    return [f"{drawn.label}: {trouble}" for trouble in troubles_of_healthy(path, drawn, numbers)]


def false_trust(seed: int, place: int, folder: Path) -> list[str]:
    """What is wrong with the verdict on flawed file number `place`."""
    numbers = numbers_of(seed, 1, place)
    flaw = FLAWS[place % len(FLAWS)]
    drawn, flawed = _spoilt(flaw, numbers)
    folder = emptied(folder)
    path = folder / flawed.file
    for name, content in {**drawn.beside, **flawed.beside, flawed.file: flawed.content}.items():
        (folder / name).write_bytes(content)
    said = inspect_file(str(path), load_shapes(flawed.variant or drawn.model.name)).inspection
    if said.verdict is not Verdict.ENGAGED or (flawed.told and re.search(flawed.told, said.reason)):
        return []
    if flawed.may_be_read and not any(troubles_of_healthy(path, drawn, numbers, remapped=True)):
        return []
    return [f"{flaw.name} ({flawed.place}) in {drawn.label}: engaged in silence: {said.reason}"]


def laid(drawn: AdapterDrawn, folder: Path) -> Path:
    """The drawn file with what stands beside it, alone in a folder."""
    path = emptied(folder) / drawn.file
    write(path, drawn.tensors, drawn.metadata)
    for name, content in drawn.beside.items():
        (folder / name).write_bytes(content)
    return path


def emptied(folder: Path) -> Path:
    """What stood beside another file is no part of this one."""
    for path in folder.iterdir():
        path.unlink()
    return folder


def _spoilt(flaw: Flaw, numbers: np.random.Generator) -> tuple[AdapterDrawn, Flawed]:
    """The first drawn file that can have the flaw."""
    for _ in range(_TRIES):
        drawn = draw_healthy(numbers)
        if (flawed := flaw.make(drawn, numbers)) is not None:
            return drawn, flawed
    raise AssertionError(f"no file of {_TRIES} can have the flaw {flaw.name!r}")


def troubles_of_healthy(
    path: Path, drawn: AdapterDrawn, numbers: np.random.Generator, *, remapped: bool = False
) -> Iterator[str]:
    """Everything that is not as it should be; nothing for a file that is read as it is.

    Args:
        path: The file.
        drawn: What is true of it.
        numbers: Where it is looked at closely.
        remapped: It has other tensors than were drawn.
    """
    shapes = load_shapes(drawn.model.name)
    said = inspect_file(str(path), shapes).inspection
    if said.verdict is not Verdict.ENGAGED:
        yield f"{said.verdict}: {said.reason}"
        return
    if not remapped and said.matched_key_count != drawn.total:
        yield f"{said.matched_key_count} of {drawn.total} keys count as matched"
    try:
        updates = {update.target: update for update in adapter_of(read_file(path), shapes).updates}
    except RefusedFile as error:
        yield f"engaged, and then refused: {error}"
        return
    if updates.keys() != drawn.changes.keys():
        yield f"other layers: {sorted(updates.keys() ^ drawn.changes.keys())[:4]}"
        return
    shown = {layer.path: layer.norm for layer in said.targets}
    for target, change in drawn.changes.items():
        base = base_of(*shapes[target])
        yield from _norm_trouble(updates[target], change, base, shown[target])
    for target in numbers.permutation(sorted(updates))[:_LOOKED_AT]:
        base = base_of(*shapes[target])
        yield from _number_trouble(updates[target], drawn.changes[target], base, numbers)


def _norm_trouble(update: AnyUpdate, change: Change, base: Base, told: float | None) -> Iterator[str]:
    true, found = change.norm(base), update.norm_on(base)
    if abs(found - true) > _CLOSE * true + _BASE_SHARE * base.size:
        yield f"norm of {update.target} is {found:.6g}, and {true:.6g} in truth"
    if not change.needs_base and (told is None or abs(told - true) > _CLOSE * true):
        yield f"norm of {update.target} is told as {told}, and {true:.6g} in truth"


def _number_trouble(update: AnyUpdate, change: Change, base: Base, numbers: np.random.Generator) -> Iterator[str]:
    found = update.change_on(base)
    for name, mine, his in (
        ("bias", found.bias, change.bias),
        ("scales", found.scales, None if change.scales is None else change.scales(base)),
    ):
        if mine is not None and not mine.any():
            mine = None  # noqa: PLW2901 - zeros are nothing
        if (mine is None) != (his is None) or (mine is not None and his is not None and not _close(mine, his, 0.0)):
            yield f"the {name} of {update.target} has other numbers"
    if change.on is None:
        return
    step = int(np.lcm.reduce([part.step for part in found.parts]))
    begin = int(numbers.integers(base.shape[1] // step)) * step
    own = base.columns(begin, begin + step)
    painted = sum(np.asarray(part.columns(own, begin, begin + step), np.float64) for part in found.parts)
    true = np.stack([change.on(base).column(place) for place in range(begin, begin + step)], 1)
    if not _close(np.asarray(painted), true, float(np.linalg.norm(own))):
        yield f"columns {begin} to {begin + step} of {update.target} have other numbers"


def _close(mine: Wide, true: Wide, own: float) -> bool:
    if mine.shape != true.shape:
        return False
    return bool(np.linalg.norm(mine - true) <= _CLOSE * np.linalg.norm(true) + _BASE_SHARE * own)
