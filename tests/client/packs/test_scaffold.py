"""A pack to begin with: sound as it is, and with any one of its commented lines in use."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from kilnmark.client.batch.plan.plan import Plan, Wishes, make_plan
from kilnmark.client.batch.plan.sources import SOURCES
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.packs.scaffold import begin_packs, documents
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.protocol.content.documents import GenreStyle, LoraEntry, WorldStyle
from kilnmark.protocol.content.entries import ENTRY_MODELS
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.content.tiers import TierNumbers
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.client.here import run_here

KINDS: tuple[Kind, ...] = get_args(Kind)
TEXTS = documents("ink", "mire", "mini")
USABLE = re.compile(r"^ *#(?=\w)", re.MULTILINE)
"""What is to be taken away from a line, to use it."""
ABSENT = (
    ".safetensors",
    ".png",
    "needs an `init_image`",
    "comes without `lora",
    "two ways to say the stack",
    "no negative",
)
"""What is said of files that are not there, and of fields that want another or do not go with one, or with the base."""


def planned(packs: Path, kinds: Iterable[Kind] = KINDS) -> Iterator[Plan]:
    for kind in kinds:
        yield make_plan(Wishes(kind=kind, packs=packs), TokenCounter(None))


@pytest.mark.parametrize("variant", ["mini", "dev", "flux2-klein-4b", "standin"])
def test_it_can_be_painted_at_once_and_nothing_is_told(tmp_path: Path, variant: str) -> None:
    begin_packs(tmp_path, "ink", "mire", variant)
    for plan in planned(tmp_path):
        assert (plan.problems, plan.warnings) == ([], [])
        assert len(plan.items) == 2
        assert {item.spec.variant for item in plan.items} == {variant}
        assert all(item.spec.width <= 1024 and (variant != "mini" or item.spec.width == 128) for item in plan.items)


def test_its_numbers_are_those_of_the_base() -> None:
    for name in ("dev", "schnell", "standin:kontext-dev", "z-image-turbo"):
        row, tiers = VARIANTS[name], documents("ink", "mire", name)["ink/tiers.yaml"]
        assert len(re.findall(rf"variant: '?{name}'?}}\n", tiers)) >= 8, name
        assert row.guided or "guidance: 3.5" not in tiers


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ("ink/visual_style.yaml", {*GenreStyle.model_fields, *LoraEntry.model_fields}),
        ("ink/worlds/mire/visual_style.yaml", set(WorldStyle.model_fields)),
        ("ink/tiers.yaml", set(TierNumbers.model_fields)),
        ("ink/creatures.yaml", set(ENTRY_MODELS["creature"].model_fields)),
        ("ink/worlds/mire/history.yaml", set(ENTRY_MODELS["poi"].model_fields)),
        ("ink/worlds/mire/portrait_manifest.yaml", set(ENTRY_MODELS["portrait"].model_fields)),
    ],
)
def test_every_field_is_shown(document: str, fields: set[str]) -> None:
    assert {field for field in fields if not re.search(rf"\b{field}:", TEXTS[document])} == set()


def test_a_person_reads_it_without_scrolling_aside() -> None:
    assert max(len(line) for text in TEXTS.values() for line in text.splitlines()) <= 120


@pytest.mark.parametrize("document", TEXTS)
def test_any_line_can_be_used(tmp_path: Path, document: str) -> None:
    begin_packs(tmp_path, "ink", "mire", "mini")
    text, place = TEXTS[document], tmp_path / document
    kinds = [kind for kind, (file, _) in SOURCES.items() if document.endswith(file)] or ["poi"]
    assert place.read_text() == text
    for mark in USABLE.finditer(text):
        used = text[: mark.end() - 1] + text[mark.end() :]
        line = text.count("\n", 0, mark.start()) + 1
        place.write_text(re.sub(r"^loras: \[\]\n", "\n", used, flags=re.MULTILINE) if "\nloras: [{" in used else used)
        found = [problem for plan in planned(tmp_path, kinds) for problem in [*plan.problems, *plan.warnings]]
        assert [each for each in found if not any(words in each.message for words in ABSENT)] == [], line


def test_another_genre_goes_beside_it_and_none_in_its_place(tmp_path: Path) -> None:
    begin_packs(tmp_path, "ink", "mire", "mini")
    (tmp_path / ".gitignore").write_text("mine\n")
    begin_packs(tmp_path, "ash", "fen", "mini")
    with pytest.raises(FileExistsError):
        begin_packs(tmp_path, "ink", "fen", "mini")
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_dir()) == ["ash", "ink"]


def test_it_is_painted_on_a_daemon_that_was_started_with_nothing_said(tmp_path: Path) -> None:
    """The stand-in, here with a fake worker: what the pack wants of `mini` is stood in for."""
    begin_packs(tmp_path / "packs", "ink", "mire", "mini")
    with InProcessDaemon(packs=tmp_path / "packs") as daemon:
        for kind in KINDS:
            words = ["batch", kind, "--packs", tmp_path / "packs", "--out", tmp_path / "out", "--json"]
            done = run_here(*words, "--socket", daemon.socket)
            document = json.loads(done.stdout)
            assert (done.returncode, document["painted"], document["problems"]) == (0, 2, []), done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["pictures"]) == 6


def test_none_is_begun_inside_a_genre(tmp_path: Path) -> None:
    begin_packs(tmp_path, "ink", "mire", "mini")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UnusableContent, match="this is a genre; give the folder that it lies in"):
        begin_packs(tmp_path / "ink", "moss", "fen", "mini")
    assert sorted(tmp_path.rglob("*")) == before
