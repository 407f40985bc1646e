"""The adapters that one has to get on with: its genre's, put on together with it for one picture.

Who they are is found out before anything is painted, since what is wrong with a genre's own adapter is no fault of the
one that is verified. What comes of a stack is weighed by the engine, and stands in reports; it is not judged here.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import msgspec

from kilnmark.client.sync import Client
from kilnmark.lab.gate.errors import NothingToVerify
from kilnmark.lab.gate.painting import GateCandidate
from kilnmark.protocol.content.composition import ComposedLora
from kilnmark.protocol.content.tiers import load_tiers
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.inspection import Inspection

__all__ = ["BesideIt", "Neighbourhood", "Neighbours", "WeighedStack", "neighbours_of", "weighed"]

_SCENE = "a castle at dusk under a clear sky"


class Neighbourhood(msgspec.Struct, frozen=True):
    """Whom it is put beside.

    Attributes:
        genre: All adapters that the daemon's pack has for its tiers; None: nobody's.
        others: And these files, with their scales.
        name: What it is called where it serves, and its file there; None: nobody says so, and it is called as its file.
    """

    genre: str | None = None
    others: tuple[tuple[str, float], ...] = ()
    name: str | None = None


class BesideIt(msgspec.Struct, frozen=True):
    """One adapter that it is put beside.

    Attributes:
        path: As the daemon reads it.
        scale: On all layers that `scales` does not name.
        scales: On some blocks.
        said: What it is, for people.
        mend: What to do where it cannot be put on.
    """

    path: str
    scale: float
    scales: tuple[tuple[str, float], ...]
    said: str
    mend: str


class Neighbours(msgspec.Struct, frozen=True):
    """The stacks that it would be in.

    Attributes:
        stacks: The others of each, itself left out; each stack once.
        notes: What of the genre was not put beside it, and why, in sentences.
    """

    stacks: tuple[tuple[BesideIt, ...], ...] = ()
    notes: tuple[str, ...] = ()


class WeighedStack(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one stack.

    Attributes:
        own: Of it, beside the others.
        others: Of the others, beside it.
        without: Of the others, without it.
    """

    own: AdapterReport
    others: tuple[AdapterReport, ...]
    without: tuple[AdapterReport, ...]


def neighbours_of(client: Client, candidate: GateCandidate, asked: Neighbourhood) -> Neighbours:
    """Who they are, each looked at; nothing is painted.

    Raises:
        NothingToVerify: One does not engage on its base, so that nothing could be told of it beside the others.
        KilnmarkError: The genre is not known, or its documents are not usable.
    """
    given = _given(client, candidate, asked.others)
    notes: list[str] = []
    stacks = []
    for each in _of_genre(client, candidate, asked, notes):
        there = {one.path for one in each}
        stacks.append((*each, *(one for one in given if one.path not in there)))
    return Neighbours(tuple(dict.fromkeys(stack for stack in stacks if stack)), tuple(dict.fromkeys(notes)))


def weighed(client: Client, candidate: GateCandidate, stacks: Sequence[Sequence[BesideIt]]) -> tuple[WeighedStack, ...]:
    """What becomes of it and of the others when all are on, and of the others without it.

    Raises:
        NothingToVerify: One of the others is nothing in its genre's stack already without it.
        KilnmarkError: A picture cannot be painted.
    """
    return tuple(_weighed(client, candidate, stack) for stack in stacks)


def _weighed(client: Client, candidate: GateCandidate, stack: Sequence[BesideIt]) -> WeighedStack:
    without = _put_on(client, candidate, stack)
    for one, report in zip(stack, without, strict=True):
        _check(one, report)
    itself = BesideIt(str(candidate.file), candidate.scale, (), "", "")
    own, *others = _put_on(client, candidate, (itself, *stack))
    return WeighedStack(own=own, others=tuple(others), without=without)


def _put_on(client: Client, candidate: GateCandidate, stack: Sequence[BesideIt]) -> tuple[AdapterReport, ...]:
    numbers: Any = candidate.numbers
    result = client.render(
        _SCENE,
        variant=candidate.base,
        seed=candidate.seeds[0],
        lora_paths=[one.path for one in stack],
        lora_scales=[one.scale for one in stack],
        lora_block_scales=[dict(one.scales) for one in stack],
        on_mismatch="warn",
        draft=False,
        **numbers,
    )
    return tuple(result.loras)


def _given(client: Client, candidate: GateCandidate, others: Iterable[tuple[str, float]]) -> tuple[BesideIt, ...]:
    found = []
    for path, scale in others:
        one = BesideIt(path, scale, (), f"{path}, which it is to be put beside,", "name another one with --beside")
        _check(one, client.lora_inspect([path], variant=candidate.base).files[0])
        found.append(one)
    return tuple(found)


def _of_genre(
    client: Client, candidate: GateCandidate, asked: Neighbourhood, notes: list[str]
) -> Iterator[tuple[BesideIt, ...]]:
    """The others of each kind of picture that is painted on its base, or on one of that family."""
    if asked.genre is None:
        yield ()
        return
    elsewhere: dict[str, None] = {}
    seen = False
    for tier in load_tiers():
        shown = client.compose(asked.genre, tier)
        if not _alike(shown.variant, candidate.base):
            elsewhere[shown.variant] = None
            continue
        seen = True
        others = [one for one in shown.loras if not _is_itself(one, candidate, asked, notes)]
        yield tuple(_entry(client, candidate, asked.genre, shown.variant, one) for one in others)
    if not seen:
        painted = ", ".join(elsewhere)
        notes.append(f"it was put beside none of {asked.genre}, whose pictures are painted on {painted} alone")
        yield ()


def _alike(variant: str, base: str) -> bool:
    """Whether adapters of one are ones of the other, as far as is known here."""
    if variant == base or variant not in VARIANTS or base not in VARIANTS:
        return True
    return VARIANTS[variant].family == VARIANTS[base].family


def _is_itself(one: ComposedLora, candidate: GateCandidate, asked: Neighbourhood, notes: list[str]) -> bool:
    """By its bytes, or by its place: an older one lies there, whose place it takes, or it is yet to be put there."""
    if one.inspection.sha256 == candidate.sha256:
        return True
    files = {str(candidate.file)} if asked.name is None else {f"{asked.name}.safetensors"}
    here = one.inspection.path if asked.name is None else PurePath(one.file).name
    if here not in files and one.name != (asked.name or candidate.file.stem):
        return False
    what = "other bytes, whose place it takes" if one.inspection.sha256 else "nothing yet"
    notes.append(f"{_called(one, asked.genre)} counts as itself, and holds {what}")
    return True


def _entry(client: Client, candidate: GateCandidate, genre: str, variant: str, one: ComposedLora) -> BesideIt:
    mend = f"put its file there, or mend or remove its entry in {genre}/visual_style.yaml, and verify again"
    found = BesideIt(one.inspection.path, one.scale, tuple(one.scales.items()), _called(one, genre), mend)
    looked = one.inspection
    if variant != candidate.base and looked.verdict is not Verdict.REFUSED:
        looked = client.lora_inspect([Path(looked.path)], variant=candidate.base).files[0]
    _check(found, looked)
    return found


def _called(one: ComposedLora, genre: str | None) -> str:
    return f"{genre}'s {one.name!r} ({one.file})"


def _check(one: BesideIt, found: Inspection | AdapterReport) -> None:
    """Nothing can be told of one that is not there, or does nothing: it would read as undone by the adapter."""
    if found.verdict is not Verdict.ENGAGED:
        raise NothingToVerify(f"{one.said} is {found.verdict}: {found.reason}", one.mend)
