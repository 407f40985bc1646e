"""The page for people who write content: what it shows is read as it says."""

import re
from pathlib import Path
from typing import Any

import pytest

from kilnmark.protocol.content.documents import LoraEntry, StyleFields, parse_genre_style, parse_world_style
from kilnmark.protocol.content.marked_yaml import read_marked
from kilnmark.protocol.content.parsed import asked, parsed
from kilnmark.protocol.content.places import PicturePlace, tag_of
from kilnmark.protocol.content.promoted import PromotedManifest
from kilnmark.protocol.content.schemas import SCHEMAS
from kilnmark.protocol.content.style import compose_lora_stack, overlay
from kilnmark.protocol.content.tiers import load_tiers, parse_tiers

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "visual-style.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
GENRE, ENTRY, WORLD, TIERS, PROMOTED = (
    read_marked((f"loras:\n{block}" if block.startswith("  - ") else block).encode(), "the page") for block in BLOCKS
)


def test_its_genre_and_its_world_go_together() -> None:
    genre, world = parse_genre_style(GENRE), parse_world_style(WORLD)
    assert compose_lora_stack(genre, world, "portrait").names == ("wash", "moss")
    assert compose_lora_stack(genre, None, "cartography").names == ("line",)
    assert compose_lora_stack(genre, world, "cartography").excluded == ("line",)
    fields = overlay(genre, world)
    assert (fields.positive_suffix, fields.base_seed) == ("ink and moss", None)


def test_an_entry_has_scales_by_blocks() -> None:
    [entry] = asked(parse_genre_style(ENTRY).loras) or ()
    assert isinstance(entry, LoraEntry)
    assert (entry.scale, entry.scales) == (0.8, {"double": 0.3, "single.20-37": 1.0, "single.4": 0.0})


def test_every_field_is_explained() -> None:
    assert all(f"`{field}`" in PAGE for field in StyleFields.model_fields)


def test_its_places_get_the_tags_of_its_table() -> None:
    tags = asked(parse_genre_style(GENRE).visual_tag_overrides)
    rows = re.findall(r"^\| ([^|`]+) \| ([^|`]+) \| (?:`(\w+)`|none): .* \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    assert [tag_of(PicturePlace(region, name), tags or ()) or "" for name, region, _ in rows] == [
        row[2] for row in rows
    ]


def test_its_tiers_are_read_and_its_table_is_that_of_every_genre() -> None:
    assert {"banner", "portrait"} <= parse_tiers(TIERS, load_tiers()).keys()
    rows = re.findall(r"^\| (`.*`) \| (\d+x\d+) \| (\d+) \| (\S+) \| (\w+) \|$", PAGE, re.MULTILINE)
    shown: dict[str, Any] = {name: facts for names, *facts in rows for name in re.findall(r"`(\w+)`", names)}
    assert shown == {
        tier.name: [
            f"{tier.width}x{tier.height}",
            str(tier.steps),
            f"{tier.guidance:g}" if tier.guidance else "-",
            tier.variant,
        ]
        for tier in load_tiers().values()
    }


def test_its_manifest_is_read() -> None:
    manifest, problems = parsed(PromotedManifest, PROMOTED)
    [wash] = manifest.promoted
    assert (problems, wash.name, manifest.adapter_of(wash.sha256)) == ((), "wash", wash)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_has_its_line(name: str) -> None:
    assert f"{name}.schema.json" in PAGE
    assert f"kilnmark style schema {name}" in PAGE
