"""Which caption belongs to which picture, by their names: the `.txt` beside it, as mflux-train and others have it.

What a caption says is judged in `captions`; pictures are not opened.
"""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from kilnmark.lab.dataset.findings import Code, DatasetFinding, found, shown
from kilnmark.lab.dataset.folder import Listing
from kilnmark.lab.dataset.texts import CaptionText, read_caption

__all__ = ["CaptionedPicture", "PairedDataset", "by_name", "named_alike", "stem_of"]

_PREVIEW: Final = "preview"
_INPUT, _OUTPUT = "_in", "_out"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture and its caption.

    Attributes:
        name: The picture's, below the dataset's folder.
        caption: On one line; None: it has none that can be read.
        caption_name: The file that it should stand in; empty: there is none.
        source: Where the picture comes from, as the dataset itself says; empty: it does not say.
    """

    name: str
    caption: str | None
    caption_name: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class PairedDataset:
    """Pictures with their captions, and what is to be said of how they belong together.

    Attributes:
        listing: What lies in the folder.
        layout: How captions were found: `captions`, `jsonl` or `mflux`.
        pictures: In the order of their names, or of the lines.
        findings: What was found.
    """

    listing: Listing
    layout: str
    pictures: tuple[CaptionedPicture, ...]
    findings: tuple[DatasetFinding, ...]


@dataclass(slots=True)
class _Notes:
    """What was met while captions were read."""

    unreadable: dict[str, str] = field(default_factory=dict)
    forms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    misnamed: dict[str, str] = field(default_factory=dict)

    def read(self, name: str, read: CaptionText) -> str | None:
        if read.problem is not None:
            self.unreadable[name] = read.problem
            return None
        if read.forms:
            self.forms[name] = read.forms
        return read.text

    def findings(self) -> Iterator[DatasetFinding]:
        if self.unreadable:
            said = "; ".join(f"{name} {problem}" for name, problem in list(self.unreadable.items())[:_SHOWN])
            yield found(Code.UNREADABLE_CAPTION, said, "save as plain UTF-8 text", self.unreadable)
        if self.misnamed:
            said = "; ".join(f"{text} is not named as {name} is" for name, text in list(self.misnamed.items())[:_SHOWN])
            mend = "name each caption exactly as its picture, but for the ending .txt"
            yield found(Code.CAPTION_NAME, said, mend, self.misnamed.values())
        if self.forms:
            kinds = sorted({form for forms in self.forms.values() for form in forms})
            said = f"captions with {', '.join(kinds)}: what is written for trainers is one line of plain UTF-8"
            yield found(Code.CAPTION_FORM, said, files=self.forms)


def by_name(listing: Listing) -> PairedDataset:
    """Pictures with the `.txt` of the same name beside each."""
    texts, previews = _without_previews(listing)
    named, alike, notes = frozenset(texts), _by_likeness(texts), _Notes()
    pictures = tuple(_paired(name, listing, named, alike, notes) for name in listing.pictures)
    findings = [*notes.findings(), *named_alike(listing.pictures), *_strays(texts, pictures)]
    findings += [*_shared(listing.pictures), *_edit_pairs(listing.pictures)]
    if previews:
        said = f"prompts of previews for mflux-train, and no captions: {shown(previews)}"
        findings.append(found(Code.PREVIEW_PROMPTS, said, files=previews))
    return PairedDataset(listing, "mflux" if previews else "captions", pictures, tuple(findings))


def named_alike(names: Iterable[str]) -> Iterator[DatasetFinding]:
    """Of names that are one name where capitals are not told from small letters, as on most Macs and on Windows."""
    by_folded: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_folded[_likeness(name)].append(name)
    colliding = [name for group in by_folded.values() if len(group) > 1 for name in group]
    if colliding:
        said = f"names that differ in capitals or in how letters are composed alone: {shown(colliding)}"
        yield found(Code.NAMES_COLLIDE, said, "rename: most Macs take them for one file", colliding)


def stem_of(name: str) -> str:
    """A name without its ending."""
    return os.path.splitext(name)[0]  # noqa: PTH122 - a name below the dataset's folder, kept as it is


def _paired(
    name: str, listing: Listing, texts: frozenset[str], alike: dict[str, str], notes: _Notes
) -> CaptionedPicture:
    wanted = f"{stem_of(name)}.txt"
    if wanted in texts:
        return CaptionedPicture(name, notes.read(wanted, read_caption(listing.root / wanted)), wanted)
    whole = f"{name}.txt"
    near = whole if whole in texts else alike.get(_likeness(stem_of(name)), "")
    if near:
        notes.misnamed[name] = near
    return CaptionedPicture(name, None, near)


def _without_previews(listing: Listing) -> tuple[list[str], list[str]]:
    """The texts that are captions, and those that mflux-train paints previews of (`TrainingSpec`, mflux 0.24)."""
    stems = {stem_of(name) for name in listing.pictures}
    previews = {
        name for name in listing.texts if name.startswith(_PREVIEW) and "/" not in name and stem_of(name) not in stems
    }
    return [name for name in listing.texts if name not in previews], sorted(previews)


def _strays(texts: Sequence[str], pictures: Sequence[CaptionedPicture]) -> Iterator[DatasetFinding]:
    taken = {picture.caption_name for picture in pictures}
    strays = [name for name in texts if name not in taken]
    if strays:
        said = f"captions without a picture: {shown(strays)}"
        yield found(Code.WITHOUT_PICTURE, said, "add the pictures, or take these texts away", strays)


def _shared(names: Iterable[str]) -> Iterator[DatasetFinding]:
    by_stem: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_stem[stem_of(name)].append(name)
    shared = [name for group in by_stem.values() if len(group) > 1 for name in group]
    if shared:
        said = f"pictures that differ in their endings alone and share a caption: {shown(shared)}"
        yield found(Code.SHARED_CAPTION, said, "give each a name and a caption of its own", shared)


def _edit_pairs(names: Sequence[str]) -> Iterator[DatasetFinding]:
    """mflux-train's layout for editing: `*_in` becomes `*_out`."""
    stems = {stem_of(name) for name in names}
    outputs = {stem for stem in stems if stem.endswith(_OUTPUT)}
    inputs = {stem for stem in stems if stem.endswith(_INPUT)}
    if outputs and outputs | inputs == stems and {stem.removesuffix(_OUTPUT) + _INPUT for stem in outputs} == inputs:
        said = "pairs of pictures before and after editing, which teach neither a style nor a subject"
        yield found(Code.EDIT_PAIRS, said, "give the pictures that are to be learned, each with its caption", names)


def _by_likeness(texts: Iterable[str]) -> dict[str, str]:
    return {_likeness(stem_of(text)): text for text in texts}


def _likeness(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
