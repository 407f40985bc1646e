"""A dataset found, in whatever layout it lies: captions beside pictures, mlx-examples' `train.jsonl`, mflux-train's.

Where captions stand beside pictures, `pairing` has the rules. Nothing is written.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from kilnmark.lab.dataset.errors import DatasetMissing
from kilnmark.lab.dataset.findings import Code, DatasetFinding, found, shown
from kilnmark.lab.dataset.folder import Listing, listed
from kilnmark.lab.dataset.pairing import CaptionedPicture, PairedDataset, by_name, named_alike, stem_of
from kilnmark.lab.dataset.texts import is_text, one_line, opened_text, read_caption

__all__ = ["LINES", "found_dataset"]

LINES: Final = "train.jsonl"
"""mlx-examples' own name for its list of pictures and prompts."""

_LINES_LIMIT = 256 << 20
"""Bytes of the longest list that is read."""


def found_dataset(path: Path) -> PairedDataset:
    """The pictures of a dataset with their captions.

    Args:
        path: A folder, a `.jsonl` file, or a configuration of mflux-train, whose `data` names the folder.

    Raises:
        DatasetMissing: It is none of these.
    """
    if path.is_file():
        if path.suffix == ".jsonl":
            return _by_lines(_listed(path.parent), path.name)
        if path.suffix == ".json":
            return found_dataset(_configured(path))
        raise DatasetMissing(str(path), "is neither a folder nor a .jsonl or .json file")
    listing = _listed(path)
    return _by_lines(listing, LINES) if LINES in listing.others else by_name(listing)


def _listed(folder: Path) -> Listing:
    try:
        return listed(folder)
    except OSError as error:
        raise DatasetMissing(str(folder), f"cannot be looked into ({error.strerror})") from error


def _configured(path: Path) -> Path:
    """The folder that a configuration of mflux-train names, from where it lies."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetMissing(str(path), f"cannot be read ({error})") from error
    named = document.get("data") if isinstance(document, dict) else None
    if not isinstance(named, str):
        raise DatasetMissing(str(path), "names no folder as its `data`")
    folder = path.parent / named
    if not folder.is_dir():
        raise DatasetMissing(str(folder), f"is no folder, and {path.name} names it")
    return folder


def _by_lines(listing: Listing, name: str) -> PairedDataset:
    """Pictures with the prompt that one line each of a list gives them, `{"image": ..., "prompt": ...}`."""
    pictures: list[CaptionedPicture] = []
    problems: list[str] = []
    for number, line in enumerate(_lines(listing.root / name), start=1):
        read = _line(line, name, listing.root)
        if isinstance(read, CaptionedPicture):
            pictures.append(read)
        elif read:
            problems.append(f"line {number} {read}")
    findings = [*_bad_lines(name, problems, pictures), *named_alike({picture.name for picture in pictures})]
    findings += [*_unlisted(listing, name, pictures), *_beside(listing, pictures)]
    missing = [CaptionedPicture(each, None) for each in _left(listing, pictures)]
    return PairedDataset(listing, "jsonl", (*pictures, *missing), tuple(findings))


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with opened_text(path) as file:
            if os.fstat(file.fileno()).st_size > _LINES_LIMIT:
                raise DatasetMissing(str(path), f"has more than {_LINES_LIMIT:,} bytes")
            yield from file
    except OSError as error:
        raise DatasetMissing(str(path), f"cannot be read ({error.strerror})") from error


def _line(line: bytes, name: str, root: Path) -> CaptionedPicture | str:
    """A picture and its prompt; else what is wrong with the line, empty for one that says nothing."""
    if not line.strip():
        return "is empty, which mlx-examples cannot read"
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError):
        return "is no JSON"
    image, prompt = (entry.get("image"), entry.get("prompt")) if isinstance(entry, dict) else (None, None)
    if not isinstance(image, str) or not isinstance(prompt, str):
        return "has no `image` and `prompt` that are both texts"
    if not is_text(image + prompt) or "\0" in image:
        return "holds what is no text"
    path = os.path.normpath(image)
    if path.startswith("/") or path.split("/")[0] == "..":
        return f"names {image}, which is not within the dataset's folder"
    if not (root / path).is_file():
        return f"names {image}, and there is no such picture"
    source = entry.get("source", "")
    return CaptionedPicture(path, one_line(prompt), name, source if isinstance(source, str) else "")


def _bad_lines(name: str, problems: Sequence[str], pictures: Sequence[CaptionedPicture]) -> Iterator[DatasetFinding]:
    if problems:
        yield found(Code.BAD_LINE, f"{name}: {'; '.join(problems[:5])}", "mend or take away these lines", [name])
    twice = [each for each, count in Counter(picture.name for picture in pictures).items() if count > 1]
    if twice:
        said = f"{name} has more than one line for {shown(twice)}"
        yield found(Code.SHARED_CAPTION, said, "leave one line a picture", twice)


def _left(listing: Listing, pictures: Sequence[CaptionedPicture]) -> list[str]:
    """Pictures of the folder that no line names."""
    taken = {picture.name for picture in pictures}
    return [name for name in listing.pictures if name not in taken]


def _unlisted(listing: Listing, name: str, pictures: Sequence[CaptionedPicture]) -> Iterator[DatasetFinding]:
    """Texts beside no picture; those beside one are compared with its line."""
    stems = {stem_of(picture.name) for picture in pictures} | {stem_of(each) for each in listing.pictures}
    strays = [text for text in listing.texts if stem_of(text) not in stems]
    if strays:
        said = f"texts that belong to no picture, beside {name}: {shown(strays)}"
        yield found(Code.WITHOUT_PICTURE, said, "add the pictures, or take these texts away", strays)


def _beside(listing: Listing, pictures: Sequence[CaptionedPicture]) -> Iterator[DatasetFinding]:
    texts = frozenset(listing.texts)
    other = []
    for picture in pictures:
        beside = f"{stem_of(picture.name)}.txt"
        if beside in texts and read_caption(listing.root / beside).text != picture.caption:
            other.append(beside)
    if other:
        said = f"captions that say something else than the list does: {shown(other)}"
        yield found(Code.CAPTIONS_DISAGREE, said, "let both say the same, or take one away", other)
