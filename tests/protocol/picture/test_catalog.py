"""The catalogue keeps the promises a request relies on: every default is itself a valid request."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kilnmark.protocol.content.tiers import Tier, load_tiers
from kilnmark.protocol.picture.catalog import (
    FAMILIES,
    MAX_PIXELS,
    VARIANTS,
    UnknownVariant,
    UnusableFamily,
    Variant,
    family_of,
    look_again,
    row_of,
)
from kilnmark.protocol.wire.jsonrpc import params_as
from kilnmark.protocol.wire.requests import RenderParams, check_render
from tests.installed import ROW, install

ENTRIES: list[Tier | Variant] = [*load_tiers().values(), *VARIANTS.values()]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_sets_what_a_request_may_ask_for(entry: Tier | Variant) -> None:
    asked = {name: getattr(entry, name) for name in ("width", "height", "steps", "guidance")}
    check_render(params_as(RenderParams, json.dumps({"prompt": "p", **asked}).encode()))
    assert entry.width * entry.height <= MAX_PIXELS


@pytest.mark.parametrize("tier", load_tiers().values(), ids=lambda tier: tier.name)
def test_a_tier_names_a_variant_that_exists(tier: Tier) -> None:
    assert tier.variant in VARIANTS


def test_a_variant_without_the_guidance_embedder_asks_for_none() -> None:
    assert all(variant.guidance == 0 for variant in VARIANTS.values() if not variant.guided)


def test_a_row_is_found_by_its_variant_or_by_what_a_directory_counts_as() -> None:
    assert row_of("schnell") is VARIANTS["schnell"]
    assert row_of("/mine", {"/mine": "schnell"}) is VARIANTS["schnell"]
    assert family_of(row_of("krea-dev")).title == "FLUX.1"


def test_a_name_that_is_no_variant_has_no_row_and_no_other_stands_in_for_it() -> None:
    with pytest.raises(UnknownVariant, match="'/mine' is no known variant; known are standin, dev, krea-dev, schnell"):
        row_of("/mine")
    with pytest.raises(UnknownVariant):
        row_of("other", {"/mine": "schnell"})


def test_every_variant_stands_in_the_row_of_its_family() -> None:
    assert all(variant in FAMILIES[variant.family].variants for variant in VARIANTS.values())


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Puts a folder on the path, as if its packages had just been installed."""

    def put(folder: Path) -> None:
        monkeypatch.syspath_prepend(folder)
        look_again()

    yield put
    sys.modules.pop("pinhole", None)
    monkeypatch.undo()
    look_again()


def test_an_installed_package_brings_a_family(path: Callable[[Path], None], tmp_path: Path) -> None:
    path(install(tmp_path))
    assert list(FAMILIES) == ["flux1", "flux2", "z-image", "krea-2", "flux3", "qwen-image", "pinhole"]
    assert row_of("pinhole-one").family == "pinhole"
    assert "pinhole-one" in VARIANTS


def test_a_family_goes_with_its_package(path: Callable[[Path], None], tmp_path: Path) -> None:
    path(tmp_path)
    assert list(FAMILIES) == ["flux1", "flux2", "z-image", "krea-2", "flux3", "qwen-image"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("raise RuntimeError('no')", r"'pinhole' of pinhole \(pinhole:FAMILY\) cannot be imported: no; mend or"),
        ("FAMILY = 7", "is no Family with variants of its own"),
        (ROW.replace('family="pinhole"', 'family="flux1"'), "is no Family with variants of its own"),
        (ROW.replace('"pinhole-one"', '"dev"'), "'pinhole' or one of its variants is there already"),
        (ROW.replace('"pinhole"', '"flux1"'), "'flux1' or one of its variants is there already"),
    ],
)
def test_a_package_whose_family_cannot_be_used_is_named(
    path: Callable[[Path], None], tmp_path: Path, row: str, said: str
) -> None:
    path(install(tmp_path, row=row))
    with pytest.raises(UnusableFamily, match=said):
        row_of("dev")
