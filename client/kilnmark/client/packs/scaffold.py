"""A folder of packs to begin with: one genre with one world, in which every document and every field can be seen.

What the documents say stands in `begun`; which fields there are, and what each is for, is asked of their models, so
that a new field is shown without anybody writing it down here.
"""

import re
import secrets
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import yaml
from pydantic import BaseModel

from kilnmark.client.pack_files import PackFolder
from kilnmark.client.packs.editors import editor_line, write_schemas
from kilnmark.keymaps.files.atomic import sync_folder
from kilnmark.protocol.content.documents import GenreStyle, LoraEntry, WorldStyle
from kilnmark.protocol.content.entries import CharacterEntry, CreatureEntry, PlaceEntry
from kilnmark.protocol.content.packs import refuse_genre
from kilnmark.protocol.content.tiers import Tier, TierNumbers, load_tiers
from kilnmark.protocol.described import descriptions
from kilnmark.protocol.picture.catalog import USUAL, row_of

__all__ = ["begin_packs", "documents"]

_MODELS: Mapping[str, type[BaseModel]] = {
    model.__name__: model
    for model in (GenreStyle, WorldStyle, LoraEntry, TierNumbers, PlaceEntry, CharacterEntry, CreatureEntry)
}
"""Those whose fields a template can tell."""

_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "appearance": "a fox with a lantern",
        "applies_to": "[landscape, portrait]",
        "base_seed": "1887",
        "culture_aesthetic": "felt coat, horn toggles",
        "description": "a gate of old stones",
        "draft": "{size: 128, steps: 2}",
        "file": "loras/wash.safetensors",
        "habitat": "chimneys",
        "height": "128",
        "init_image": "sketches/one.png",
        "lora": "loras/wash.safetensors",
        "lora_scale": "0.8",
        "loras": "[{name: own, file: loras/own.safetensors, scale: 0.7}]",
        "name": "Another Name",
        "negative_prompt": "people",
        "place": "The Shore",
        "preferred_model": "mini",
        "positive_suffix": "quiet mood",
        "reference_images": "[sketches/one.png, sketches/two.png]",
        "region": "The Moor",
        "require_promoted": "true",
        "role": "keeper of the mill",
        "scale": "0.8",
        "scales": "{double: 0.3, single.20-37: 1.0}",
        "seed": "42",
        "steps": "4",
        "strength": "0.4",
        "tier": "portrait_square",
        "trigger": "inkwash",
        "type": "gate",
        "variant": "mini",
        "visual_prompt": "a windmill in the snow",
        "visual_tag_overrides": "{the_moor: in fog}",
        "width": "128",
    }
)
"""What a field may be like, in YAML; one that has none here is shown without a value."""

_WIDTH = 118
_MARK = re.compile(r"^(?P<before> *#) +\{(?P<how>fields of|about) (?P<model>\w+)\}$", re.MULTILINE)
_TIERS = "{tiers}\n"


def begin_packs(folder: Path, genre: str, world: str, variant: str) -> Sequence[str]:
    """Write a genre with a world into a folder of packs, and the schemas beside it.

    Args:
        folder: Made where it is absent; other genres in it are left alone.
        genre, world: Names of folders.
        variant: The base that its numbers and its style are for.

    Returns:
        The documents that were written, from the folder of packs.

    Raises:
        UnusableContent: The folder is a genre itself, in which no batch would find another.
        FileExistsError: There is something of that genre's name.
        OSError: It cannot be written into.
    """
    refuse_genre(PackFolder(folder))
    if (folder / genre).exists() or (folder / genre).is_symlink():
        raise FileExistsError(f"{folder / genre} is there already")
    texts = documents(genre, world, variant)
    write_schemas(folder)
    made = folder / f".{genre}.{secrets.token_hex(8)}.partial"
    for path, text in texts.items():
        place = made / Path(path).relative_to(genre)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    made.rename(folder / genre)
    if not (ignored := folder / ".gitignore").exists():
        ignored.write_text(_template("gitignore"), encoding="utf-8")
    sync_folder(folder)
    return list(texts)


def documents(genre: str, world: str, variant: str) -> Mapping[str, str]:
    """The text of each document, by its path from the folder of packs."""
    inside = {"genre": genre, "world": f"{genre}/worlds/{world}"}
    places = {f"{folder}/{name}": f"{level}.{name}" for level, folder in inside.items() for name in _NAMES[level]}
    return {path: _filled(path, _template(template), variant) for path, template in places.items()}


_NAMES: Mapping[str, Sequence[str]] = {
    "genre": ("visual_style.yaml", "tiers.yaml", "creatures.yaml"),
    "world": ("visual_style.yaml", "history.yaml", "portrait_manifest.yaml"),
}
"""The documents of each."""


def _template(name: str) -> str:
    return (files("kilnmark.client.packs") / "begun" / name).read_text(encoding="utf-8")


def _filled(path: str, template: str, variant: str) -> str:
    text = _MARK.sub(lambda found: "\n".join(_told(found, template)), template)
    lines = "".join(f"{line}\n" for line in _tiers(variant))
    return f"{editor_line(path)}\n{text.replace(_TIERS, lines)}"


def _told(mark: re.Match[str], template: str) -> Iterator[str]:
    """What takes the place of a mark: either each field with what it is for, or the same for those that do not stand in
    the template by themselves, with a line to use for each.
    """
    before, model = mark["before"], _MODELS[mark["model"]]
    told = descriptions(model)
    for name in model.model_fields:
        words = " ".join(told[name].split())
        if mark["how"] == "about":
            yield from _comment(f"{before}   ", f"{name}: {words}", deeper="  ")
        elif not re.search(rf"^ *(#|- )?{name}:", template, re.MULTILINE):
            yield from _comment(f"{before} ", words)
            yield f"{before}{name}: {_EXAMPLES.get(name, '')}".rstrip()


def _comment(before: str, words: str, deeper: str = "") -> Sequence[str]:
    return textwrap.wrap(
        words, _WIDTH, initial_indent=before, subsequent_indent=before + deeper, break_on_hyphens=False
    )


def _tiers(variant: str) -> Iterator[str]:
    """A line for each tier that every genre has, with the numbers that a base is painted at."""
    for name, tier in load_tiers().items():
        numbers = _numbers(tier, variant)
        yield f"{name}: {yaml.safe_dump(numbers, default_flow_style=True, sort_keys=False, width=1000).strip()}"


def _numbers(tier: Tier, variant: str) -> Mapping[str, object]:
    """A tier's size, and the rest as a base is usually painted; one that comes with kilnmark has its own size, too."""
    numbers = tier.model_dump(exclude={"name"}, exclude_none=True)
    if variant == USUAL:
        return numbers
    row = row_of(variant)
    sizes = () if row.shipped else ("width", "height")
    own = {name: getattr(row, name) for name in numbers if hasattr(row, name) and name not in sizes}
    return {**numbers, **own, "variant": variant}
