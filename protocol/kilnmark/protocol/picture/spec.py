"""One picture, decided: what decides its pixels, and the one digest that stands for it.

Every message about a picture inherits from these Structs, which keeps its JSON flat: a new number is written here once,
and jobs, replies, records, compositions, manifests and the picture cache have it. How a request comes to a spec is
`decide`'s part.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import fields

from kilnmark.protocol.picture.block_scales import StackBlocks, stack_blocks
from kilnmark.protocol.picture.catalog import Variant
from kilnmark.protocol.picture.draft import DraftNumbers

__all__ = [
    "NUMBERS",
    "TOOL_NAMES",
    "AdapterContent",
    "PictureNumbers",
    "PictureSize",
    "PictureSpec",
    "PinnedSpec",
    "asked_again",
    "untaken",
]

TOOL_NAMES = {"steps": "Steps", "guidance": "Distilled CFG Scale"}
"""What the web UIs of the field call a setting."""

_SIZE = ("width", "height")

_COUNTED = ("steps",)
"""Settings whose name stands behind their number."""

_FIRST = ("prompt", "negative_prompt", "seed")
"""What a digest begins with, as in the manifests of earlier batches; the others follow as they are declared."""


class PictureSize(NamedTuple):
    """In pixels."""

    width: int
    height: int


class AdapterContent(NamedTuple):
    """One adapter of a stack by what is in its file: its hash in hex, as reports have it, and its scale."""

    sha256: str
    scale: float


class PictureNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What every message about a picture says of it.

    Attributes:
        prompt: As it is sent to the model, with a style's triggers, tags and suffix.
        width, height: Pixels.
        steps: Denoise steps.
        guidance: Distilled guidance; 0 where the variant takes none.
        start: Content hash of the picture that it starts from, in hex; not written, and UNSET, where it starts from
            noise.
        strength: How much of that picture stays, 0 to 1; not written, and UNSET, where it starts from noise.
        references: Content hashes of the pictures that it refers to, in their order; not written, and UNSET, where it
            refers to none.
        draft: It is a draft, capped in size and steps, and no picture to be used.
    """

    prompt: str
    width: int
    height: int
    steps: int
    guidance: float
    start: str | UnsetType = UNSET
    strength: float | UnsetType = UNSET
    references: tuple[str, ...] | UnsetType = UNSET
    draft: bool = False

    @property
    def settings(self) -> Mapping[str, float]:
        """Its numbers by name, save its size."""
        return {name: getattr(self, name) for name in NUMBERS if name not in _SIZE}

    @property
    def size_and_settings(self) -> str:
        """For people: `1024 x 1024, 12 steps, guidance 3.5`."""
        words = [
            f"{value} {name if value != 1 else name.removesuffix('s')}" if name in _COUNTED else f"{name} {value:g}"
            for name, value in self.settings.items()
        ]
        return ", ".join([f"{self.width} x {self.height}", *words, *self._started_from])

    @property
    def worked_on(self) -> str:
        """For people: what a step has in hand at once, by which its memory goes: `1024 x 1024 beside 2 references`."""
        size, count = f"{self.width} x {self.height}", len(self.references or ())
        return f"{size} beside {count} reference{'' if count == 1 else 's'}" if count else size

    @property
    def _started_from(self) -> Iterator[str]:
        """For people: the pictures that it is made of."""
        if self.start is not UNSET:
            yield f"from a picture at strength {self.strength:g}"
        if self.references is not UNSET:
            count = len(self.references)
            yield f"{count} reference picture{'' if count == 1 else 's'}"


_GIVEN = ("prompt", "start", "strength", "references", "draft")
"""What no tier and no variant says."""

NUMBERS = tuple(name for name in PictureNumbers.__struct_fields__ if name not in _GIVEN)
"""Those that a request, a tier or a variant decides."""

_CONTENTS = ("start", "references")
"""Hashes of files, of which a request says where they are."""


def untaken(row: Variant) -> frozenset[str]:
    """What a variant takes none of, as the spec calls it."""
    takes = {"guidance": row.guided, "negative_prompt": row.negative_prompt}
    return frozenset(name for name, is_taken in takes.items() if not is_taken)


class PictureSpec(PictureNumbers, frozen=True, kw_only=True):
    """Everything that decides the pixels, save what is in the stack's files.

    Where those files lie decides nothing, so it stands beside the spec; once they were read whole, `pinned` puts their
    contents in.

    Attributes:
        negative_prompt: As it was asked for. A variant that takes none leaves it unused, which is warned of.
        variant: The base that it is painted on.
        seed: Of the noise.
    """

    negative_prompt: str | None
    variant: str
    seed: int

    def pinned(
        self, adapters: Iterable[tuple[str, float]], block_scales: Iterable[Mapping[str, float]] = ()
    ) -> "PinnedSpec":
        """The spec with its stack.

        Args:
            adapters: Content hash in hex and scale of each, in stack order.
            block_scales: The scales of each for some blocks, by their patterns; none for no adapter having any.
        """
        stack = tuple(AdapterContent(sha256, float(scale)) for sha256, scale in adapters)
        return PinnedSpec(**self.fields_for(PictureSpec), adapters=stack, block_scales=stack_blocks(block_scales))

    def fields_for(self, carrier: type[PictureNumbers]) -> dict[str, Any]:
        """The fields of a message about this picture that the picture decides, to build the message of."""
        names = [name for name in PictureSpec.__struct_fields__ if name in carrier.__struct_fields__]
        return {name: getattr(self, name) for name in names}


class PinnedSpec(PictureSpec, frozen=True, kw_only=True):
    """Everything that decides the pixels, save the base's own numbers and the program.

    Attributes:
        adapters: In stack order.
        block_scales: Scales of each for some blocks; empty where none has any.
    """

    adapters: tuple[AdapterContent, ...]
    block_scales: StackBlocks = ()

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, in hex: equal where the pictures are to be.

        What is as its field's default has it is left out, so that a field that is added leaves the digests of before.
        """
        said = {each.name: value for each in fields(PinnedSpec) if (value := getattr(self, each.name)) != each.default}
        facts = {name: said.pop(name) for name in _FIRST} | said
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def asked_again(spec: PictureSpec, row: Variant) -> dict[str, Any]:
    """The fields of a request that is decided to this very spec, whatever its tier says, save the files of pictures.

    Args:
        row: Of its variant; numbers that it takes none of are not asked for.
    """
    asked = {name: getattr(spec, name) for name in PictureSpec.__struct_fields__ if name not in _CONTENTS}
    unasked = dict.fromkeys(untaken(row).intersection(NUMBERS))
    cap = DraftNumbers(size=max(spec.width, spec.height), steps=spec.steps) if spec.draft else None
    return {name: value for name, value in {**asked, **unasked, "draft": cap}.items() if value is not UNSET}
