"""Which base a file says it is for, and whether that can be the one it is read for.

Only what is said counts here; what names and widths fit is looked at elsewhere. Names that people typed are told and
accuse nobody, and neither does a word that is not known.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from kilnmark.keymaps.documents import Document, parse_document
from kilnmark.keymaps.names.shapes import Shapes, load_shapes, painters
from kilnmark.keymaps.said.sources import Sayings

__all__ = ["Declared", "base_in_our_words", "declared_bases", "notes_on_bases", "other_base"]


class BaseWords(Document):
    """One family.

    Attributes:
        title: What people call it.
        words: How entries that mean it begin.
        models: Those that are known here.
        alike: Names and widths of its files can be those of another family, so that its word is all that tells them.
    """

    title: str
    words: tuple[str, ...]
    models: tuple[str, ...] = ()
    alike: bool = False


class BaseEntries(Document):
    """`bases.yaml`."""

    written: tuple[str, ...]
    named: tuple[str, ...]
    publishers: tuple[str, ...]
    families: tuple[BaseWords, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """One entry that names a base.

    Attributes:
        entry: Its name.
        text: As it stands.
        family: The one that it means; None where the word is not known.
        counts: It was written by a program, or names a publisher's repository.
    """

    entry: str
    text: str
    family: BaseWords | None
    counts: bool


@cache
def _document() -> BaseEntries:
    text = files("kilnmark.keymaps.said").joinpath("bases.yaml").read_text(encoding="utf-8")
    return parse_document(BaseEntries, text)


def declared_bases(metadata: Mapping[str, str], said: Sayings) -> tuple[Declared, ...]:
    """What a file says of its base, entries that programs write first.

    Args:
        metadata: Of its header.
        said: Its configs, of which PEFT's name the base too.
    """
    known = _document()
    entries = {**dict(_of_configs(said)), **_of_onetrainer(metadata), **metadata}
    found = [(name, entries[name].strip()) for name in (*known.written, *known.named) if name in entries]
    return tuple(
        Declared(name, text[:_TEXT_LIMIT], _family(_bare(text)), name in known.written or _publisher(text) != "")
        for name, text in found
        if text not in ("", "None", "null", "unknown")
    )


def base_in_our_words(entry: str, text: str) -> str | None:
    """An entry that names a base, in a word of ours for the same family; None for others, and for unknown words."""
    known = _document()
    family = _family(_bare(text.strip())) if entry in known.written or entry in known.named else None
    if family is None:
        return None
    word, publisher = family.words[0].removesuffix("*"), _publisher(text.strip())
    return f"{publisher}/{word}" if publisher else word


_TEXT_LIMIT = 200
_KINDS = ("lora", "lycoris", "controlnet", "textual-inversion")
"""What modelspec.architecture puts behind the model."""


def other_base(declared: Sequence[Declared], shapes: Shapes) -> str:
    """What contradicts that a file is for this model, as a sentence without full stop; empty where nothing does.

    A word for the model's own family, or none that counts, leaves it unsaid; so does a model that is not known by name,
    and a family whose files could not fit, which trainers write too (ostris/ai-toolkit#130: `sd_1.5` for FLUX.1).

    Args:
        declared: By the file.
        shapes: The model's layers.
    """
    found = _contradiction([each for each in declared if each.counts], shapes)
    if found is None or not found.other.alike:
        return ""
    return f"{found}; use it with the model that it was trained for"


def notes_on_bases(declared: Sequence[Declared], shapes: Shapes) -> Iterator[str]:
    """Words for another family that accuse nobody; sentences without full stop."""
    counting = [each for each in declared if each.counts]
    found = _contradiction(counting or declared, shapes)
    if found is None or (counting and found.other.alike):
        return
    if counting:
        yield f"{found}, which its names and widths are for"
    else:
        said, other, own = found
        yield f"{said.entry} is {said.text!r}, which sounds like {other.title}, and this base is {own.title}"


class _Contradiction(NamedTuple):
    """An entry that means another family than the model's."""

    said: Declared
    other: BaseWords
    own: BaseWords

    def __str__(self) -> str:
        says = f"the file says in {self.said.entry} that it is for {self.other.title} ({self.said.text!r})"
        return f"{says}, and this base is {self.own.title}"


def _contradiction(declared: Sequence[Declared], shapes: Shapes) -> _Contradiction | None:
    """The first entry that means another family; None where one means the model's own, or it is not known."""
    words = [(each, each.family) for each in declared if each.family is not None]
    if not words or (own := _family_of(shapes)) is None or any(family == own for _, family in words):
        return None
    return _Contradiction(*words[0], own)


def _of_configs(said: Sayings) -> Iterator[tuple[str, str]]:
    for source in reversed(said.sources):
        for config in source.configs.values():
            if config.base:
                yield "base_model_name_or_path", config.base


def _of_onetrainer(metadata: Mapping[str, str]) -> dict[str, str]:
    try:
        told = msgspec.json.decode(metadata.get("ot_config", ""))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    fields = ("model_type", "base_model_name")
    return {name: told[name] for name in fields if isinstance(told.get(name), str)} if isinstance(told, dict) else {}


def _publisher(text: str) -> str:
    publisher, slash, _ = text.lower().partition("/")
    return publisher if slash and publisher in _document().publishers else ""


def _bare(text: str) -> str:
    """Without the publisher, or the folders; what follows a kind of model (`flux-1-dev/lora`) is left."""
    first, _, rest = text.strip("/").partition("/")
    return rest if _publisher(text) else first if rest in _KINDS else text.rstrip("/").rpartition("/")[2]


@lru_cache(maxsize=256)
def _family(text: str) -> BaseWords | None:
    """By the longest beginning."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()[:_TEXT_LIMIT]).strip("-")
    every = [(word, family) for family in _document().families for word in family.words]
    fitting = [(len(word), family) for word, family in every if _begins(plain, word)]
    return max(fitting, key=lambda found: found[0])[1] if fitting else None


def _begins(plain: str, word: str) -> bool:
    after = plain.removeprefix(word.removesuffix("*"))
    return after != plain and (word.endswith("*") or not after[:1].isalpha())


def _family_of(shapes: Shapes) -> BaseWords | None:
    """That of the known model that has all of these layers, most of its own among them."""
    for name in painters():
        model = load_shapes(name)
        if shapes is model or (2 * len(shapes) > len(model) and shapes.items() <= model.items()):
            return next((family for family in _document().families if name in family.models), None)
    return None
