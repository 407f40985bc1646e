"""Promoted and demoted: what the manifest says then, and what its history does."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.client.pack_files import PackFolder
from kilnmark.lab.promotion.errors import ManifestLost, NotPromotable, PromotionHeld
from kilnmark.lab.promotion.manifest import held_manifest, manifest_text
from kilnmark.lab.promotion.promote import demote, promote
from kilnmark.protocol.content.problems import UnknownName, UnusableContent
from kilnmark.protocol.content.promoted import (
    PromotedManifest,
    PromotionEvent,
    load_promotions,
    parse_promoted,
)
from tests.lab.promotion.candidates import candidate

ONE, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    (tmp_path / "packs" / "ink" / "loras").mkdir(parents=True)
    return tmp_path / "packs"


def manifest(packs: Path) -> PromotedManifest:
    return load_promotions(PackFolder(packs), "ink").manifest


def events(packs: Path) -> list[tuple[str, str, str, str | None]]:
    return [(each.event, each.sha256, each.by, each.why) for each in manifest(packs).history]


def test_what_is_promoted_stands_in_the_manifest_with_all_that_is_known_of_it(packs: Path) -> None:
    done = promote(candidate(packs / "ink/loras/wash.safetensors", ONE), packs, "ink", signed_by="Ada", why="pretty")
    [adapter] = manifest(packs).promoted
    assert (done.manifest, done.adapter, done.changed) == (packs / "ink/loras.yaml", adapter, True)
    assert (adapter.name, adapter.file, adapter.sha256) == ("wash", "loras/wash.safetensors", ONE)
    assert (adapter.trigger, adapter.kind, adapter.base, adapter.steps, adapter.rank) == (
        "inkwash",
        "style",
        "mini",
        300,
        8,
    )
    assert (adapter.signed_by, adapter.verification.thresholds) == ("Ada", "style 1")
    assert events(packs) == [("promote", ONE, "Ada", "pretty")]


def test_a_file_outside_of_the_packs_is_named_whole(packs: Path, tmp_path: Path) -> None:
    promote(candidate(tmp_path / "x.safetensors", ONE), packs, "ink", signed_by="Ada")
    assert manifest(packs).promoted[0].file == str(tmp_path / "x.safetensors")


def test_once_more_changes_nothing(packs: Path) -> None:
    first = promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada")
    before = (packs / "ink/loras.yaml").read_bytes()
    again = promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Bo")
    assert (again.changed, again.adapter) == (False, first.adapter)
    assert (packs / "ink/loras.yaml").read_bytes() == before


def test_the_same_bytes_verified_anew_have_the_last_report_and_are_not_demoted(packs: Path) -> None:
    first = candidate(packs / "x", ONE)
    promote(first, packs, "ink", signed_by="Ada")
    anew = first.verification.model_copy(update={"sha256": "d" * 64, "scale": 0.8})
    done = promote(dataclasses.replace(first, verification=anew), packs, "ink", signed_by="Bo", why="at 0.8")
    assert (done.changed, done.replaced) == (True, None)
    assert [each.verification.scale for each in manifest(packs).promoted] == [0.8]
    assert events(packs) == [("promote", ONE, "Ada", None), ("promote", ONE, "Bo", "at 0.8")]


def test_other_bytes_under_a_name_demote_those_before(packs: Path) -> None:
    promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada")
    done = promote(candidate(packs / "x", OTHER), packs, "ink", signed_by="Bo")
    assert (done.replaced, [each.sha256 for each in manifest(packs).promoted]) == (ONE, [OTHER])
    assert events(packs)[1:] == [("demote", ONE, "Bo", f"replaced by {OTHER}"), ("promote", OTHER, "Bo", None)]


def test_the_same_bytes_have_one_name(packs: Path) -> None:
    promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada")
    with pytest.raises(NotPromotable, match="is promoted already, as 'wash'; demote 'wash' first"):
        promote(candidate(packs / "x", ONE, "moss"), packs, "ink", signed_by="Ada")


def test_what_is_demoted_is_gone_and_its_history_stays(packs: Path) -> None:
    promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada")
    demote(packs, "ink", "wash", by="Bo", why="it smears")
    assert manifest(packs).promoted == ()
    assert events(packs) == [("promote", ONE, "Ada", None), ("demote", ONE, "Bo", "it smears")]
    promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada", why="it was the sampler")
    assert len(manifest(packs).history) == 3
    with pytest.raises(NotPromotable, match="'moss' is not promoted in ink; promoted there: 'wash'"):
        demote(packs, "ink", "moss", by="Bo", why="it smears")


def test_a_broken_manifest_is_refused_and_left_alone(packs: Path) -> None:
    (packs / "ink/loras.yaml").write_text("promoted: 3\n")
    with pytest.raises(UnusableContent, match=r"ink/loras.yaml:1: promoted: must be a list"):
        promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada")
    assert (packs / "ink/loras.yaml").read_text() == "promoted: 3\n"


def test_a_genre_that_is_not_there_is_named(packs: Path) -> None:
    with pytest.raises(UnknownName, match="'inc' is no genre here; there is ink"):
        promote(candidate(packs / "x", ONE), packs, "inc", signed_by="Ada")


def test_while_another_promotion_is_under_way_it_is_refused(packs: Path) -> None:
    with held_manifest(packs, "ink"), pytest.raises(PromotionHeld, match="did not end within 0 seconds"):
        promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada", patience=0)
    assert promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada", patience=0).changed


def test_one_that_cannot_be_written_stays_as_it_was(packs: Path) -> None:
    promote(candidate(packs / "x", ONE), packs, "ink", signed_by="Ada")
    (packs / "ink/.loras.yaml.partial").mkdir()
    with pytest.raises(ManifestLost, match="and is as it was"):
        demote(packs, "ink", "wash", by="Bo", why="it smears")
    assert [each.sha256 for each in manifest(packs).promoted] == [ONE]


WORDS = ["no", "1e-3", "0o7", "2026-01-01", "- a: b # c", "'\"", "\\", "Ada\u2028", "a\x07", "~", "\ufeffx", "a\x85b"]


def as_read(*texts: str) -> None:
    told = [
        PromotionEvent(event="demote", name=text, sha256=ONE, by=text, when="2026-11-28T10:00:00Z", why=text)
        for text in texts
    ]
    whole = PromotedManifest(history=tuple(told))
    assert parse_promoted(manifest_text(whole).encode(), "loras.yaml") == whole


def test_every_text_is_read_as_it_was_written() -> None:
    as_read(*WORDS)


@settings(max_examples=40)
@given(st.text(min_size=1, max_size=20).filter(str.strip))
def test_and_so_is_any(drawn: str) -> None:
    as_read(drawn)
