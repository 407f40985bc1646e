"""Batches and decisions: what was accepted stays by its bytes, what was drawn anew is painted, and nothing else is."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.aio import AsyncClient
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import EntryPick, Picks, PickWord
from kilnmark.client.batch.plan.plan import Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run.decisions import decide_picture, file_hash, shown_picks
from kilnmark.client.batch.run.ledger import open_ledger
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.run import Painter
from kilnmark.client.batch.run.tally import Tally
from kilnmark.keymaps.zoo.write import make_adapter
from tests.client.cli.commands.test_batch import Bench, copy_of, fresh
from tests.client.conftest import FakeDaemon

NAMES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gorse", "Hazel")


@dataclass(frozen=True)
class Grove:
    """A bench of eight places in one world, each of which a test may write anew."""

    bench: Bench
    places: Mapping[str, str]

    def write(self, **changed: str) -> "Grove":
        """With other words, or more fields, for some."""
        places = {**self.places, **changed}
        lines = "".join(f"      - {{name: {name}, visual_prompt: {words}}}\n" for name, words in places.items())
        text = f"chapters:\n  - points_of_interest:\n{lines}"
        (self.bench.packs.root / "ash/worlds/mire/history.yaml").write_text(text)
        return replace(self, places=places)

    def paint(self, *more: str) -> dict[str, Any]:
        return self.bench.paint("--world", "mire", "--by", "Ada", *more)

    def file(self, name: str) -> str:
        return f"ash/mire/poi/{name.lower()}.png"

    def hashes(self) -> dict[str, str]:
        return {name: file_hash(self.bench.out / self.file(name)) for name in self.places}

    def decide(self, name: str, word: PickWord, reason: str = "") -> None:
        decide_picture(self.bench.out, self.file(name), word, by="Ada", reason=reason)

    def picture(self, name: str) -> Picture:
        return next(each for each in read_manifest(self.bench.out).pictures if each.name == name)

    def pick(self, name: str) -> EntryPick:
        return PicksFiles.of(self.bench.out).read().of_entry(self.picture(name).entry)

    @property
    def earlier(self) -> list[Picture]:
        return read_manifest(self.bench.out).earlier


@pytest.fixture(scope="module")
def planted(daemon: FakeDaemon, tmp_path_factory: pytest.TempPathFactory) -> Grove:
    bench = fresh(daemon, tmp_path_factory.mktemp("out"))
    grove = Grove(bench, {name: f"a {name.lower()}" for name in NAMES}).write()
    assert grove.paint()["painted"] == 8
    return grove


@pytest.fixture
def grove(planted: Grove, tmp_path: Path) -> Grove:
    return replace(planted, bench=copy_of(planted.bench, tmp_path / "out"))


def test_five_rejected_three_drawn_anew_one_pinned_one_given_its_own_adapter_and_exactly_those_change(
    grove: Grove,
) -> None:
    before = grove.hashes()
    for name in NAMES[:5]:
        grove.decide(name, PickWord.REJECTED, reason="dull")
    for name in NAMES[5:]:
        grove.decide(name, PickWord.ACCEPTED)
    rolled = grove.paint("--only", "Alder", "--only", "Birch", "--only", "Cedar", "--reroll")
    assert (rolled["painted"], rolled["rendered"], rolled["code"]) == (3, 3, 0)
    make_adapter(grove.bench.packs.root / "ash/worlds/mire/own.safetensors", rank=1, blocks=1, seed=9)
    packs = grove.bench.packs.root
    (packs / "picks.yaml").write_text("picks:\n- {genre: ash, world: mire, kind: poi, name: Dogwood, seed: 12}\n")
    grove.write(Elm="an elm, loras: [{file: own.safetensors, scale: 0.5}]")
    again = grove.paint()
    assert (again["painted"], again["kept"], again["rendered"]) == (2, 6, 2)
    after = grove.hashes()
    assert [name for name in NAMES if before[name] != after[name]] == list(NAMES[:5])
    assert grove.picture("Dogwood").seed == 12
    assert len(grove.picture("Elm").loras) == 2
    assert grove.paint()["rendered"] == 0


def test_a_picture_drawn_anew_is_another_and_the_one_before_lies_aside(grove: Grove) -> None:
    old, hashed = grove.picture("Alder"), grove.hashes()["Alder"]
    told = grove.paint("--only", "Alder", "--reroll")["told"]
    seed = grove.picture("Alder").seed
    assert told[0] == f"Alder (ash / mire / poi / landscape): new seed {seed}"
    (earlier,) = grove.earlier
    assert (earlier.seed, earlier.prompt, earlier.sha256) == (old.seed, old.prompt, hashed)
    assert earlier.file == f"_earlier/ash/mire/poi/alder.{old.seed}-{hashed[:8]}.png"
    assert file_hash(grove.bench.out / earlier.file) == hashed
    assert grove.pick("Alder").pinned == (seed,)


def test_a_seed_pinned_again_takes_its_picture_back_unpainted(grove: Grove) -> None:
    old, hashed = grove.picture("Alder"), grove.hashes()["Alder"]
    grove.paint("--only", "Alder", "--reroll")
    packs = grove.bench.packs.root
    (grove.bench.out / "picks.yaml").unlink()
    (packs / "picks.yaml").write_text(
        f"picks:\n- {{genre: ash, world: mire, kind: poi, name: Alder, seed: {old.seed}}}\n"
    )
    document = grove.paint()
    assert (document["rendered"], document["kept"]) == (0, 8)
    assert grove.hashes()["Alder"] == hashed
    assert grove.picture("Alder") == old
    (earlier,) = grove.earlier
    assert earlier.seed != old.seed


def test_seeds_drawn_anew_make_so_many_pictures_and_one_pinned_leaves_the_others_aside(grove: Grove) -> None:
    assert grove.paint("--only", "Alder", "--reroll", "3")["painted"] == 3
    seeds = grove.pick("Alder").pinned
    files = [grove.file("Alder"), "ash/mire/poi/alder.s2.png", "ash/mire/poi/alder.s3.png"]
    of_alder = {each.file: each.seed for each in read_manifest(grove.bench.out).pictures if each.name == "Alder"}
    assert of_alder == dict(zip(files, seeds, strict=True))
    third = file_hash(grove.bench.out / files[2])
    (grove.bench.out / "picks.yaml").write_text(
        f"picks:\n- {{genre: ash, world: mire, kind: poi, name: Alder, seed: {seeds[2]}}}\n"
    )
    document = grove.paint()
    assert (document["rendered"], document["kept"]) == (0, 8)
    assert grove.hashes()["Alder"] == third
    assert not (grove.bench.out / files[1]).exists()
    assert not (grove.bench.out / files[2]).exists()
    assert {seeds[0], seeds[1]} < {each.seed for each in grove.earlier}
    assert seeds[2] not in {each.seed for each in grove.earlier}


def test_what_was_accepted_and_is_asked_for_otherwise_is_told_as_stale_and_lies_aside(grove: Grove) -> None:
    hashed = grove.hashes()["Fir"]
    grove.decide("Fir", PickWord.ACCEPTED)
    grove.write(Fir="a fir in the snow")
    document = grove.paint()
    assert (document["rendered"], document["kept"]) == (1, 7)
    (warning,) = document["warnings"]
    assert "another picture was accepted here by Ada: its prompt has changed" in warning
    assert grove.picture("Fir").stale
    (earlier,) = grove.earlier
    assert (earlier.sha256, file_hash(grove.bench.out / earlier.file)) == (hashed, hashed)
    picks = PicksFiles.of(grove.bench.out).read()
    assert shown_picks(grove.bench.out, read_manifest(grove.bench.out), picks)[grove.file("Fir")].word is PickWord.OPEN
    grove.write(Fir="a fir")
    assert grove.paint()["rendered"] == 0
    assert (grove.hashes()["Fir"], grove.picture("Fir").stale) == (hashed, "")


def test_what_was_accepted_is_not_painted_even_by_force(grove: Grove) -> None:
    before = grove.hashes()
    for name in NAMES[:6]:
        grove.decide(name, PickWord.ACCEPTED)
    document = grove.paint("--force")
    assert (document["kept"], document["painted"]) == (6, 2)
    assert {name: grove.hashes()[name] for name in NAMES[:6]} == {name: before[name] for name in NAMES[:6]}


@pytest.mark.parametrize("force", [True, False])
def test_what_is_accepted_while_a_batch_paints_is_not_painted_over(grove: Grove, *, force: bool) -> None:
    out, hashed = grove.bench.out, grove.hashes()["Fir"]
    if not force:
        grove.write(Fir="a fir in the snow")

    def decided() -> Picks:
        if grove.hashes()["Fir"] == hashed:
            grove.decide("Fir", PickWord.ACCEPTED)
        return PicksFiles.of(out).read()

    async def paint() -> None:
        plan = make_plan(Wishes(kind="poi", packs=grove.bench.packs.root, world="mire"), TokenCounter(None))
        async with AsyncClient(grove.bench.daemon.socket) as client:
            painter = Painter(client, ledger, Tally(0), lambda: None, force=force, decided=decided)
            await painter.paint(plan.items, compare_base=False)

    with open_ledger(out) as ledger:
        asyncio.run(paint())
    lies = [file_hash(out / each.file) for each in (grove.picture("Fir"), *grove.earlier)]
    assert lies == ([hashed] if force else [grove.hashes()["Fir"], hashed])


def test_an_adapter_that_cannot_be_found_leaves_the_old_picture_and_says_that_it_is_stale(grove: Grove) -> None:
    hashed = grove.hashes()["Elm"]
    grove.write(Elm="an elm, loras: [{file: missing.safetensors, scale: 0.5}]")
    document = grove.paint()
    assert (document["code"], grove.hashes()["Elm"]) == (1, hashed)
    assert "cannot be painted as it stands" in grove.picture("Elm").old
    assert [each.name for each in read_manifest(grove.bench.out).pictures if each.old] == ["Elm"]
    assert document["warnings"] == [f"{grove.file('Elm')} is stale: {grove.picture('Elm').old}"]
    page = (grove.bench.out / "index.html").read_text()
    assert "1 not what is asked for now" in page
    assert grove.picture("Elm").old in page


def test_entries_that_are_gone_are_marked_and_removed_when_that_is_asked_for(grove: Grove) -> None:
    grove.decide("Hazel", PickWord.ACCEPTED)
    kept = {name: words for name, words in grove.places.items() if name not in {"Gorse", "Hazel"}}
    less = replace(grove, places=kept).write()
    (warning,) = less.paint()["warnings"]
    assert warning.startswith("no document has the entries of ash/mire/poi/gorse.png, ash/mire/poi/hazel.png any more")
    assert {each.name for each in read_manifest(grove.bench.out).pictures if each.gone} == {"Gorse", "Hazel"}
    assert "2 whose entry is gone" in (grove.bench.out / "index.html").read_text()
    document = less.paint("--prune")
    assert "removed ash/mire/poi/gorse.png: no document has 'Gorse' any more" in document["told"]
    assert "--prune-accepted" in document["warnings"][0]
    assert (grove.hashes()["Gorse"], bool(grove.hashes()["Hazel"])) == ("", True)
    less.paint("--prune-accepted")
    assert grove.hashes()["Hazel"] == ""
    assert len(read_manifest(grove.bench.out).pictures) == 6
    grove.write()
    assert (grove.paint()["kept"], len(read_manifest(grove.bench.out).pictures)) == (6, 8)


def test_pictures_of_other_packs_in_the_folder_are_not_gone_while_those_have_them(
    daemon: FakeDaemon, tmp_path: Path
) -> None:
    bench, other = fresh(daemon, tmp_path / "out"), fresh(daemon, tmp_path / "out")
    bench.paint()
    (other.packs.root / "ash").rename(other.packs.root / "bog")
    (other.packs.root / "bog/history.yaml").write_text("chapters: 5\n")
    document = other.paint("--prune-accepted")
    assert (document["painted"], document["warnings"]) == (3, [])
    assert len(read_manifest(bench.out).pictures) == 6
    assert not any(each.gone or each.old for each in read_manifest(bench.out).pictures)
    (other.packs.root / "bog/history.yaml").unlink()
    bench.packs.write("worlds/fen/history.yaml", "chapters: []\n")
    assert "ash/fen/poi/reed-gate.png" in other.paint()["warnings"][0]
    shutil.rmtree(bench.packs.root)
    assert len([line for line in other.paint("--prune")["told"] if line.startswith("removed ash/")]) == 3


def test_an_entry_that_comes_back_is_gone_no_more(grove: Grove) -> None:
    replace(grove, places={name: grove.places[name] for name in NAMES[:7]}).write().paint()
    assert grove.picture("Hazel").gone
    grove.write()
    document = grove.paint()
    assert (document["rendered"], document["warnings"], grove.picture("Hazel").gone) == (0, [], False)


@pytest.mark.parametrize("broken", ["chapters: [", "chapters:\n  - points_of_interest:\n      - {name: 5}\n"])
def test_of_a_document_that_cannot_be_read_nothing_is_gone(grove: Grove, broken: str) -> None:
    (grove.bench.packs.root / "ash/worlds/mire/history.yaml").write_text(broken)
    document = grove.paint("--prune")
    assert document["code"] == 1
    assert len(read_manifest(grove.bench.out).pictures) == 8
    assert all(grove.hashes().values())


def test_a_document_that_is_gone_takes_all_its_entries_along(grove: Grove) -> None:
    (grove.bench.packs.root / "ash/worlds/mire/history.yaml").unlink()
    document = grove.bench.paint("--genre", "ash")
    assert len([each for each in read_manifest(grove.bench.out).pictures if each.gone]) == 8
    assert "and 3 more any more" in document["warnings"][0]


def test_a_name_that_no_entry_has_is_told_with_the_one_that_is_meant(grove: Grove) -> None:
    result = grove.bench.invoke("--only", "Aldr")
    assert result.exit_code != 0
    assert "did you mean 'Alder'?" in str(result.exception)


def test_seeds_are_drawn_anew_for_named_entries_alone(grove: Grove) -> None:
    result = grove.bench.invoke("--reroll")
    assert result.exit_code == 2
    assert "--only NAME" in result.stderr


def test_a_dry_run_shows_the_new_seed_and_writes_nothing(grove: Grove) -> None:
    result = grove.bench.invoke("--only", "Alder", "--reroll", "--dry-run")
    assert result.exit_code == 0
    assert "new seed" in result.stderr
    assert not (grove.bench.out / "picks.yaml").exists()


def test_a_pinned_seed_that_an_entry_contradicts_counts_and_that_is_told(grove: Grove) -> None:
    grove.write(Alder="an alder, seed: 5")
    (grove.bench.packs.root / "picks.yaml").write_text(
        "picks:\n- {genre: ash, world: mire, kind: poi, name: Alder, seed: 12}\n"
    )
    result = grove.bench.invoke("--only", "Alder", "--dry-run")
    assert "seed: does not count, since 12 is pinned" in result.stderr
    assert '"seed":12' in result.stdout


def test_what_is_accepted_is_published_when_the_batch_is_done(grove: Grove, tmp_path: Path) -> None:
    grove.decide("Fir", PickWord.ACCEPTED)
    grove.decide("Elm", PickWord.ACCEPTED)
    to = tmp_path / "game"
    assert grove.paint("--accepted-to", str(to))["published"]["added"] == [grove.file("Elm"), grove.file("Fir")]
    assert file_hash(to / grove.file("Elm")) == grove.hashes()["Elm"]
    grove.decide("Fir", PickWord.REJECTED)
    assert grove.paint("--accepted-to", str(to))["published"]["removed"] == [grove.file("Fir")]


def test_a_place_that_cannot_be_published_to_is_told_and_the_pictures_stay(grove: Grove) -> None:
    grove.decide("Fir", PickWord.ACCEPTED)
    document = grove.paint("--accepted-to", str(grove.bench.out))
    assert (document["code"], document["error"]["kind"], document["kept"]) == (1, "cannot_publish", 8)
