"""Whom an adapter is put beside, by a real daemon's packs: a genre's own defects are never its fault.

The daemon's pictures are a fake's, whose reports say of each adapter what a test wants.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.client.sync import Client
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import Script
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.lab.gate.errors import NothingToVerify
from kilnmark.lab.gate.neighbours import Neighbourhood, Neighbours, neighbours_of, weighed
from kilnmark.lab.gate.painting import GateCandidate
from kilnmark.protocol.picture.report import Verdict

STYLE = """\
preferred_model: {model}
loras:
  - {{name: line, file: loras/line.safetensors, scale: 0.5, scales: {{double: 0.3}}, applies_to: [portrait]}}
  - {{name: wash, file: loras/wash.safetensors, scale: 0.8, applies_to: [portrait, scene]}}
"""
TABLE = Neighbourhood("ink")


class Shop:
    """A daemon with one genre of two adapters, and an adapter that is to be verified."""

    def __init__(self, client: Client, packs: Path, daemon: InProcessDaemon, home: Path) -> None:
        self.client, self.worker, self.home = client, daemon.worker, home
        self.worker.script = Script()
        self.style = packs / "ink" / "visual_style.yaml"
        self.line, self.wash = (packs / "ink" / "loras" / f"{name}.safetensors" for name in ("line", "wash"))
        self.file = make_adapter(daemon.loras / "new.safetensors", blocks=1, rank=4)
        self.style.write_text(STYLE.format(model="standin"))
        for rank, path in enumerate((self.line, self.wash), 1):
            make_adapter(path, blocks=1, rank=rank)

    def ask(self, asked: Neighbourhood = TABLE, base: str = "standin") -> Neighbours:
        return neighbours_of(self.client, self.candidate(base), asked)

    def candidate(self, base: str = "standin") -> GateCandidate:
        numbers = {"width": 64, "height": 64, "steps": 1}
        return GateCandidate(file=self.file, sha256=content_hash(self.file), trigger="", base=base, numbers=numbers)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Path, InProcessDaemon]]:
    packs = tmp_path_factory.mktemp("packs")
    (packs / "ink" / "loras").mkdir(parents=True)
    with fake_daemon(packs=packs, bases={"mini": "mini"}) as daemon, Client(daemon.socket) as client:
        yield client, packs, daemon


@pytest.fixture
def shop(served: tuple[Client, Path, InProcessDaemon], tmp_path: Path) -> Shop:
    return Shop(*served, tmp_path)


def files(found: Neighbours) -> list[list[str]]:
    return [[Path(one.path).stem for one in stack] for stack in found.stacks]


def test_a_genres_others_are_put_on_as_its_document_has_them_each_stack_once(shop: Shop) -> None:
    found = shop.ask()
    assert (files(found), found.notes) == ([["wash"], ["line", "wash"]], ())
    line, wash = found.stacks[1]
    assert (line.scale, line.scales, wash.scale) == (0.5, (("double", 0.3),), 0.8)


def test_a_file_that_a_document_puts_on_twice_is_on_twice_and_one_by_hand_is_not_put_to_itself(shop: Shop) -> None:
    shop.style.write_text(shop.style.read_text().replace("loras/line.", "loras/wash."))
    found = shop.ask(Neighbourhood("ink", others=((str(shop.wash), 1.0), (str(shop.line), 1.0))))
    assert [[(Path(one.path).stem, one.scale) for one in stack] for stack in found.stacks] == [
        [("wash", 0.8), ("line", 1.0)],  # scenes
        [("wash", 0.5), ("wash", 0.8), ("line", 1.0)],  # portraits
        [("wash", 1.0), ("line", 1.0)],  # tiers that get none of the genre's
    ]


def test_without_a_genre_it_is_put_beside_what_is_named_alone(shop: Shop) -> None:
    assert shop.ask(Neighbourhood()).stacks == ()
    assert files(shop.ask(Neighbourhood(others=((str(shop.wash), 1.0),)))) == [["wash"]]


def test_an_entry_whose_file_is_not_there_is_the_genres_fault(shop: Shop) -> None:
    shop.wash.unlink()
    with pytest.raises(NothingToVerify) as caught:
        shop.ask()
    assert "ink's 'wash' (loras/wash.safetensors) is refused" in str(caught.value)
    assert "put its file there, or mend or remove its entry in ink/visual_style.yaml" in str(caught.value)


def test_a_dead_entry_is_the_genres_fault(shop: Shop) -> None:
    make_adapter(shop.line, blocks=1, dead=True)
    with pytest.raises(NothingToVerify, match=r"ink's 'line' \(loras/line.safetensors\) is noop: all"):
        shop.ask()


def test_one_that_the_others_or_the_base_undo_already_without_it_is_the_genres_fault(shop: Shop) -> None:
    found = shop.ask()
    shop.worker.script.verdicts["wash"] = Verdict.NOOP
    with pytest.raises(NothingToVerify, match=r"ink's 'wash' .* is noop"):
        weighed(shop.client, shop.candidate(), found.stacks)


def test_each_stack_is_painted_without_it_and_with_it(shop: Shop) -> None:
    alone, both = weighed(shop.client, shop.candidate(), shop.ask().stacks)
    assert [one.name for one in (both.own, *both.others, *both.without)] == ["new", "line", "wash", "line", "wash"]
    assert both.others[0].block_scales[0].scale == 0.3
    assert (alone.own.name, [one.name for one in alone.without]) == ("new", ["wash"])


def test_what_lies_in_its_own_place_is_itself_whether_it_is_older_dead_or_not_there_yet(shop: Shop) -> None:
    own = Neighbourhood("ink", name="wash")
    older = shop.ask(own)
    assert files(older) == [["line"]]
    assert older.notes == (
        "ink's 'wash' (loras/wash.safetensors) counts as itself, and holds other bytes, whose place it takes",
    )
    make_adapter(shop.wash, blocks=1, dead=True)
    assert files(shop.ask(own)) == [["line"]]
    shop.wash.unlink()
    assert shop.ask(own).notes[0].endswith("counts as itself, and holds nothing yet")


def test_its_own_place_is_known_by_the_file_that_deploying_fills_too(shop: Shop) -> None:
    shop.style.write_text(shop.style.read_text().replace("name: wash", "name: aquarelle"))
    assert files(shop.ask(Neighbourhood("ink", name="wash"))) == [["line"]]


def test_without_a_run_a_file_of_the_same_name_elsewhere_is_another(shop: Shop) -> None:
    shop.style.write_text(shop.style.read_text().replace("loras/wash.", "loras/new."))
    make_adapter(shop.wash.with_name("new.safetensors"), blocks=1, rank=2)
    assert ["line", "new"] in files(shop.ask())


def test_the_same_bytes_under_any_name_are_itself(shop: Shop) -> None:
    shop.line.write_bytes(shop.file.read_bytes())
    found = shop.ask()
    assert (files(found), found.notes) == ([["wash"]], ())


def test_a_genre_that_is_painted_on_another_model_has_no_stack_that_it_would_be_in(shop: Shop) -> None:
    shop.style.write_text(STYLE.format(model="mini"))
    found = shop.ask()
    assert (found.stacks, "put beside none of ink" in found.notes[0], "on mini alone" in found.notes[0]) == (
        (),
        True,
        True,
    )


@pytest.mark.parametrize("dead", [True, False])
def test_one_that_is_named_by_hand_has_to_engage_too(shop: Shop, *, dead: bool) -> None:
    path = shop.home / "gone.safetensors" if not dead else make_adapter(shop.wash, blocks=1, dead=True)
    with pytest.raises(NothingToVerify, match=r"which it is to be put beside, is .*--beside"):
        shop.ask(Neighbourhood(others=((str(path), 1.0),)))
