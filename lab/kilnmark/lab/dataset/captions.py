"""What captions may say, by what the adapter is to teach.

A style's are the bare trigger, the same everywhere, or none: any other word would be learned as a part of the style,
which then appears at that word. A subject's are the trigger and, in natural language, all that is not the subject.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from kilnmark.lab.dataset.findings import Code, DatasetFinding, found, shown
from kilnmark.lab.dataset.pairing import CaptionedPicture
from kilnmark.lab.dataset.texts import one_line
from kilnmark.lab.run.plan import LoraKind

__all__ = ["caption_findings", "trigger_of", "uncaptioned"]

DESCRIPTION_WORDS: Final = 3
"""Fewer words beside the trigger describe no picture."""

_UNSPACED = "\u2e80"
"""The first letter of Chinese, Japanese and Korean, which have no spaces between words."""
_SPACED = rf"[^\W{_UNSPACED}-\U0010ffff]"
_WORD = re.compile(r"\w+")
_COMMA = re.compile("[,;\uff0c\u3001]")
"""Those of Chinese and Japanese, too."""
_TAGS = 5
_TAG_WORDS = 2.0
_MANY = 4


def uncaptioned(pictures: Sequence[CaptionedPicture]) -> bool:
    """No picture has a caption that says anything, and none has one that cannot be read."""
    return all(
        not picture.caption and (picture.caption is not None or not picture.caption_name) for picture in pictures
    )


def trigger_of(kind: LoraKind, trigger: str, pictures: Sequence[CaptionedPicture]) -> str:
    """The words that call the adapter up: those named, else one word that is every caption of a style.

    Returns:
        Empty where neither is there.
    """
    said = {picture.caption for picture in pictures if picture.caption}
    if trigger or kind != "style" or len(said) != 1:
        return one_line(trigger)
    (only,) = said
    return only if len(only.split()) == 1 else ""


def caption_findings(kind: LoraKind, trigger: str, pictures: Sequence[CaptionedPicture]) -> Iterator[DatasetFinding]:
    """What is to be said of the captions of a dataset.

    Args:
        kind: What is to be taught.
        trigger: As it was named; empty: it was not.
        pictures: With their captions.
    """
    named = one_line(trigger)
    if kind == "style" and uncaptioned(pictures):
        yield _without_any(named)
        return
    missing = [picture.name for picture in pictures if picture.caption is None and not picture.caption_name]
    if missing:
        said = f"pictures without a caption: {shown(missing)}"
        yield found(Code.WITHOUT_CAPTION, said, "write each a .txt of its name, or take the picture away", missing)
    empty = [picture.caption_name or picture.name for picture in pictures if picture.caption == ""]
    if empty:
        yield found(Code.EMPTY_CAPTION, f"captions that say nothing: {shown(empty)}", "write them", empty)
    captioned = [picture for picture in pictures if picture.caption]
    yield from _of_style(named, captioned) if kind == "style" else _of_subject(named, captioned)


def _without_any(trigger: str) -> DatasetFinding:
    if trigger:
        said = f"no picture has a caption: what is written for trainers gives each the trigger, {trigger!r}"
    else:
        said = "no picture has a caption, and no trigger is named: the style will be there always"
    return found(Code.NO_CAPTIONS, said)


def _of_style(named: str, pictures: Sequence[CaptionedPicture]) -> Iterator[DatasetFinding]:
    trigger = trigger_of("style", named, pictures)
    counts = Counter(picture.caption for picture in pictures)
    if not counts:
        return
    if not trigger and len(counts) == 1:
        (only,) = counts
        said = f"every caption is {only!r}, and nobody says that this is the trigger"
        yield found(Code.TRIGGER_NOT_NAMED, said, "name it with --trigger, if it is")
        return
    if trigger and not named:
        yield found(Code.TRIGGER_TAKEN, f"every caption is {trigger!r}, which is taken for the trigger")
    other = [picture for picture in pictures if picture.caption != trigger]
    if other:
        bare = f"the bare trigger, {trigger!r}" if trigger else "one bare trigger"
        said = f"captions that are not {bare}, as {_quoted(other)}: the style would be learned as these words' own"
        mend = f"let each say {trigger!r} alone" if trigger else "let all say the trigger alone, and name it"
        yield found(Code.OTHER_WORDS, f"{said}: {shown(_names(other))}", f"{mend}, or take all away", _names(other))


def _of_subject(trigger: str, pictures: Sequence[CaptionedPicture]) -> Iterator[DatasetFinding]:
    if not trigger:
        mend = "name it with --trigger: one that means nothing yet"
        yield found(Code.TRIGGER_NOT_NAMED, "a subject has a trigger, and none is named", mend)
        return
    exact = _pattern(trigger)
    loose = _pattern(trigger, re.IGNORECASE)
    with_it: list[CaptionedPicture] = []
    spelled: list[CaptionedPicture] = []
    without: list[CaptionedPicture] = []
    for picture in pictures:
        caption = picture.caption or ""
        (with_it if exact.search(caption) else spelled if loose.search(caption) else without).append(picture)
    if without:
        said = f"captions without the trigger, {trigger!r}: {shown(_names(without))}"
        yield found(Code.TRIGGER_MISSING, said, "put it where the subject is named", _names(without))
    if spelled:
        said = f"captions that spell the trigger, {trigger!r}, in other capitals: {shown(_names(spelled))}"
        yield found(
            Code.TRIGGER_SPELLED, said, "spell it the same everywhere: encoders tell them apart", _names(spelled)
        )
    yield from _described([(picture, one_line(exact.sub(" ", picture.caption or ""))) for picture in with_it])


def _described(described: Sequence[tuple[CaptionedPicture, str]]) -> Iterator[DatasetFinding]:
    """Descriptions are what is left of captions without their trigger."""
    short = [picture for picture, text in described if len(_words(text)) < DESCRIPTION_WORDS]
    if short:
        said = f"captions that describe nothing beside the trigger: {shown(_names(short))}"
        mend = "say in a sentence what else the picture shows: place, pose, light, clothing"
        yield found(Code.NO_DESCRIPTION, said, mend, _names(short))
    tags = [picture for picture, text in described if _is_tags(text)]
    if tags:
        said = f"captions that look like lists of tags: {shown(_names(tags))}"
        yield found(Code.TAG_LIST, said, "write sentences: the text encoders have learned from such", _names(tags))
    counts = Counter(text.casefold() for _, text in described if len(_words(text)) >= DESCRIPTION_WORDS)
    same = [picture for picture, text in described if counts[text.casefold()] > max(1, len(described) // _MANY)]
    if same:
        said = f"captions that describe many pictures in the same words: {shown(_names(same))}"
        mend = "say what differs: what is not described is learned as a part of the subject"
        yield found(Code.SAME_DESCRIPTION, said, mend, _names(same))


def _pattern(trigger: str, flags: int = 0) -> re.Pattern[str]:
    """The trigger as words of its own; letters of scripts without spaces may stand beside it."""
    blanks = r"\s+".join(map(re.escape, trigger.split()))
    return re.compile(rf"(?<!{_SPACED}){blanks}(?!{_SPACED})", flags)


def _words(text: str) -> list[str]:
    """Words; in scripts without spaces, pairs of letters."""
    words: list[str] = []
    for piece in _WORD.findall(text):
        spaced = max(piece) < _UNSPACED
        words += [piece] if spaced else [piece[at : at + 2] for at in range(0, len(piece), 2)]
    return words


def _is_tags(text: str) -> bool:
    parts = [part for part in _COMMA.split(text) if part.strip()]
    return len(parts) >= _TAGS and sum(len(part.split()) for part in parts) / len(parts) <= _TAG_WORDS


def _names(pictures: Sequence[CaptionedPicture]) -> list[str]:
    """The files to be mended: lists have one file for all, so that there the pictures are named."""
    files = {picture.caption_name for picture in pictures}
    one_file = len(files) == 1 and len(pictures) > 1
    return [picture.name if one_file else picture.caption_name for picture in pictures]


def _quoted(pictures: Sequence[CaptionedPicture]) -> str:
    first = pictures[0].caption or ""
    return repr(first if len(first) <= 60 else f"{first[:57]}...")  # noqa: PLR2004 - a line on a terminal
