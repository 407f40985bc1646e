"""A directory of a base's weights: which family and variant it is, and what it would hold, from its headers alone.

By the marks in the catalog's rows, so that the daemon and its worker say the same of one directory. What a family's
own layout means beyond that is for its rooms in the engine.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.dtypes import FLOATS
from kilnmark.keymaps.files.safefile import AdapterHeader, read_header
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.catalog import FAMILIES, VARIANTS
from kilnmark.protocol.picture.family import Family, Mark, Numbers, Part, Variant

__all__ = ["Weights", "WeightsProblem", "read_weights"]

_PACKED = "U32"
_MATRIX = 2
_Places = tuple[str, ...]
"""Patterns of files that can hold a part; the first that finds some has them all."""


class WeightsProblem(KilnmarkError):
    """A directory that is no whole base; the message says what is missing and where, and what to do."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One directory's weights.

    Attributes:
        path: The directory.
        variant: What it is; of several variants that its weights can be, the first of its family's row.
        fits: Every variant that its weights can be.
        fingerprint: Hash over every file's header and size, in hex. Weights changed in place under an unchanged
            header keep it.
        numbers: The floating-point numbers it would hold in memory.
        packed_bytes: What it would hold beside them: matrices that were stored quantized, and stay so.
        headers: Of its files, by folder.
    """

    path: Path
    variant: Variant
    fits: tuple[str, ...]
    fingerprint: str
    numbers: Numbers
    packed_bytes: int
    headers: Mapping[str, tuple[AdapterHeader, ...]]

    def nbytes(self, quantize: int | None, number_bytes: int) -> int:
        """The memory it takes, in bytes, with arguments as `Numbers.nbytes` has them; stored bits win, as in mflux."""
        return self.packed_bytes + self.numbers.nbytes(None if self.keeps_its_form else quantize, number_bytes)

    @property
    def keeps_its_form(self) -> bool:
        """It is quantized no further: it was stored packed, or is a variant that never is."""
        return bool(self.packed_bytes) or self.variant.keeps_its_form

    def names(self, folder: str) -> frozenset[str]:
        """Of the tensors in one of its folders."""
        return _names(self.headers[folder])

    def called(self, name: str) -> Variant:
        """What it is under a name: the variant of that name, or its own where no variant has it.

        Raises:
            WeightsProblem: These weights cannot be the variant of that name; what it defaults to is not theirs.
        """
        if name not in VARIANTS:
            return self.variant
        if name not in self.fits:
            raise WeightsProblem(f"{self.path} {self._why_not(name)}, so it is no {name}; name it {self.fits[0]}")
        return VARIANTS[name]

    def _why_not(self, name: str) -> str:
        wanted, names = VARIANTS[name], _all_names(self.headers)
        if wanted.family != self.variant.family:
            return f"holds {FAMILIES[self.variant.family].title}"
        for mark in wanted.lacks:
            if _stands(mark, names):
                return f"has {mark.title}"
        for mark in wanted.has:
            if not _stands(mark, names):
                return f"lacks {mark.title}"
        return "has weights"


def read_weights(path: Path) -> Weights:
    """Read the headers of all weight files, and say what they are.

    Raises:
        WeightsProblem: A part is missing, a file is not readable safetensors, or no family has such weights.
    """
    family, headers = _recognised(path)
    names = _all_names(headers)
    fits = [variant for variant in family.variants if _is(variant, names)]
    if not fits:
        known = ", ".join(variant.name for variant in family.variants if not variant.made_up)
        raise WeightsProblem(f"{path} holds {family.title}, but none of its variants {known}; give one of those")
    numbers, packed_bytes = _count(family.parts, headers)
    return Weights(
        path=path,
        variant=fits[0],
        fits=tuple(variant.name for variant in fits),
        fingerprint=_fingerprint(headers),
        numbers=numbers,
        packed_bytes=packed_bytes,
        headers=headers,
    )


def _recognised(path: Path) -> tuple[Family, Mapping[str, tuple[AdapterHeader, ...]]]:
    """The family of a directory, by its marks, with its headers."""
    families = [family for family in FAMILIES.values() if family.parts]
    places = {part.places for family in families for part in family.parts}
    files = {patterns: _files(path, patterns) for patterns in places}
    read = {file: _header(file) for file in sorted({file for found in files.values() for file in found})}
    headers = {patterns: tuple(read[file] for file in found) for patterns, found in files.items()}
    whole = [family for family in families if all(files[part.places] for part in family.parts)]
    known = [family for family in families if _has_marks(family, headers, whole=family in whole)]
    if len(known) > 1:
        raise WeightsProblem(f"{path} fits {_titles(known, ' and ')} alike; give a whole {_titles(families)} directory")
    if known and known[0] in whole:
        return known[0], {part.folder: headers[part.places] for part in known[0].parts}
    if known or not whole:
        raise WeightsProblem(_lacking(path, known or families, files))
    what = f"has the folders of {_titles(whole, ' and ')}, but not the tensors"
    raise WeightsProblem(f"{path} {what}; give a whole {_titles(families)} directory")


def _has_marks(family: Family, headers: Mapping[_Places, Sequence[AdapterHeader]], *, whole: bool) -> bool:
    """Whether a family is known by its tensors; one that has no marks is known by its folders."""
    marks = [(_names(headers[part.places]), mark) for part in family.parts for mark in part.marks]
    return all(any(mark in name for name in names) for names, mark in marks) if marks else whole


def _lacking(path: Path, families: Sequence[Family], files: Mapping[_Places, list[Path]]) -> str:
    """What the nearest families miss."""
    present = [sum(bool(files[part.places]) for part in family.parts) for family in families]
    nearest = [family for family, count in zip(families, present, strict=True) if count == max(present)]
    missing = next(part.folder for part in nearest[0].parts if not files[part.places])
    return f"{path / missing} holds no safetensors file; give a whole {_titles(nearest)} directory"


def _titles(families: Iterable[Family], word: str = " or ") -> str:
    return word.join(family.title for family in families)


def _files(path: Path, places: _Places) -> list[Path]:
    """Those of the first place that has some."""
    return next(filter(None, (sorted(path.glob(place)) for place in places)), [])


def _header(file: Path) -> AdapterHeader:
    try:
        return read_header(file)
    except RefusedFile as error:
        raise WeightsProblem(str(error)) from error


def _is(variant: Variant, names: frozenset[str]) -> bool:
    if variant.made_up:
        return False
    return all(_stands(mark, names) for mark in variant.has) and not any(_stands(mark, names) for mark in variant.lacks)


def _stands(mark: Mark, names: frozenset[str]) -> bool:
    return any(mark.text in name for name in names)


def _names(headers: Iterable[AdapterHeader]) -> frozenset[str]:
    return frozenset(name for header in headers for name in header.tensors)


def _all_names(headers: Mapping[str, Iterable[AdapterHeader]]) -> frozenset[str]:
    return frozenset().union(*map(_names, headers.values()))


def _fingerprint(headers: Mapping[str, Iterable[AdapterHeader]]) -> str:
    digest = hashlib.sha256()
    for folder, files in headers.items():
        for file in files:
            digest.update(f"{folder}/{Path(file.path).name}:{file.size}\n".encode())
            for name, info in file.tensors.items():
                digest.update(f"{name}:{info.dtype}:{info.shape}:{info.begin}\n".encode())
    return digest.hexdigest()


def _count(parts: Iterable[Part], headers: Mapping[str, Iterable[AdapterHeader]]) -> tuple[Numbers, int]:
    """The numbers, and the bytes that are stored packed."""
    matrices = others = packed_bytes = 0
    for part in parts:
        for name, info in ((name, info) for file in headers[part.folder] for name, info in file.tensors.items()):
            if name.startswith(part.unread):
                continue
            if info.dtype == _PACKED:
                packed_bytes += info.end - info.begin
            elif info.dtype not in FLOATS:
                continue
            elif name.endswith(".weight") and len(info.shape) == _MATRIX and not part.whole:
                matrices += math.prod(info.shape)
            else:
                others += math.prod(info.shape)
    return Numbers(matrices=matrices, others=others), packed_bytes
