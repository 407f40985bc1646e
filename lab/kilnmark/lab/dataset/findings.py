"""What there is to say of a dataset, as data: what was found, how much it weighs, in which files, and how to mend it.

The words are those of the modules that find something; how findings look to people is the command's part.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

__all__ = ["LEVELS", "Code", "DatasetFinding", "Level", "found", "shown"]

_SHOWN = 3


class Level(StrEnum):
    """How much a finding weighs.

    Attributes:
        REFUSE: The dataset is not to be trained on as it is.
        WARN: It can be, and somebody should look at this first.
        TOLD: It is good to know, and nothing is to be done.
    """

    REFUSE = "refuse"
    WARN = "warn"
    TOLD = "told"


class Code(StrEnum):
    """What can be found, by names that scripts can rely on."""

    NO_PICTURES = "no-pictures"
    UNREADABLE_PICTURE = "unreadable-picture"
    FOREIGN_FORMAT = "foreign-format"
    TINY = "tiny"
    SMALL_SHARE = "small-share"
    WITHOUT_CAPTION = "without-caption"
    WITHOUT_PICTURE = "without-picture"
    CAPTION_NAME = "caption-name"
    SHARED_CAPTION = "shared-caption"
    UNREADABLE_CAPTION = "unreadable-caption"
    EMPTY_CAPTION = "empty-caption"
    CAPTIONS_DISAGREE = "captions-disagree"
    BAD_LINE = "bad-line"
    EDIT_PAIRS = "edit-pairs"
    UNREADABLE_FOLDER = "unreadable-folder"
    NAME_NO_TEXT = "name-no-text"
    TOO_FEW = "too-few"
    TOO_MANY = "too-many"
    TOO_FEW_DISTINCT = "too-few-distinct"
    OTHER_WORDS = "other-words"
    TRIGGER_NOT_NAMED = "trigger-not-named"
    TRIGGER_MISSING = "trigger-missing"
    TRIGGER_SPELLED = "trigger-spelled"
    NO_DESCRIPTION = "no-description"
    COPIES = "copies"
    NEAR_DUPLICATES = "near-duplicates"
    ONE_SOURCE = "one-source"
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    COLOURS = "colours"
    TOO_LONG = "too-long"
    TAG_LIST = "tag-list"
    SAME_DESCRIPTION = "same-description"
    NAMES_COLLIDE = "names-collide"
    LOOP = "loop"
    SMALL = "small"
    TRANSPARENT = "transparent"
    GREY = "grey"
    SIXTEEN_BITS = "sixteen-bits"
    TURNED = "turned"
    NO_CAPTIONS = "no-captions"
    CAPTION_FORM = "caption-form"
    TRIGGER_TAKEN = "trigger-taken"
    SOURCES_UNKNOWN = "sources-unknown"
    PREVIEW_PROMPTS = "preview-prompts"
    PASSED_OVER = "passed-over"


def _levels() -> Mapping[Code, Level]:
    codes = list(Code)
    warned, told = codes.index(Code.COPIES), codes.index(Code.SMALL)
    of = dict.fromkeys(codes[:warned], Level.REFUSE)
    of |= dict.fromkeys(codes[warned:told], Level.WARN)
    return of | dict.fromkeys(codes[told:], Level.TOLD)


LEVELS: Final = _levels()
"""How much each weighs: the codes stand in the order of their levels."""


class DatasetFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was found.

    Attributes:
        level: How much it weighs.
        code: What it is.
        said: The same in a sentence.
        mend: What to do; empty where nothing is to be done.
        files: Where, by names below the dataset's folder; empty: in no file more than in others.
    """

    level: Level
    code: Code
    said: str
    mend: str = ""
    files: tuple[str, ...] = ()


def found(code: Code, said: str, mend: str = "", files: Iterable[str] = ()) -> DatasetFinding:
    """A finding, of the level that its code has."""
    return DatasetFinding(level=LEVELS[code], code=code, said=said, mend=mend, files=tuple(files))


def shown(names: Iterable[str]) -> str:
    """Some names in a sentence: the first few, and how many more."""
    every = list(names)
    first = ", ".join(every[:_SHOWN])
    return first if len(every) <= _SHOWN else f"{first} and {len(every) - _SHOWN} more"
