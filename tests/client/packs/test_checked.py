"""A folder of packs, checked: all that a batch of any kind would tell, and what no entry asks for yet."""

from pathlib import Path

import pytest

from kilnmark.client.packs.checked import CheckedPacks, check_packs
from kilnmark.client.packs.scaffold import begin_packs
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.content.problems import UnknownName, UnusableContent
from tests.client.batch.packs import SmallPacks, make_packs

SAMPLE = Path(__file__).parents[3] / "genre_packs"


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    return make_packs(tmp_path, base_seed=1)


def told(checked: CheckedPacks) -> tuple[list[str], list[str], list[str]]:
    return [str(each) for each in checked.dead], [*map(str, checked.problems)], [*map(str, checked.warnings)]


def test_of_what_is_sound_nothing_is_told(tmp_path: Path) -> None:
    begin_packs(tmp_path, "ink", "mire", "mini")
    begun = check_packs(tmp_path)
    assert told(begun) == ([], [], [])
    assert (begun.genres, begun.worlds, begun.pictures) == (1, 1, {"poi": 2, "portrait": 2, "creature": 2})
    sample = check_packs(SAMPLE)
    assert told(sample) == ([], [], [])
    assert len(sample.adapters) == 3


def test_a_dead_adapter_that_no_entry_asks_for_is_told_with_its_line(packs: SmallPacks) -> None:
    make_adapter(packs.root / "ash/loras/map.safetensors", blocks=1, rank=1, dead=True)
    packs.write(
        "visual_style.yaml",
        """\
        loras:
          - {name: ink, file: loras/ink.safetensors, scale: 0.8, applies_to: [landscape]}
          - {name: map, file: loras/map.safetensors, scale: 0.8, applies_to: [cartography]}
        """,
    )
    dead, problems, warnings = told(check_packs(packs.root))
    assert [line.partition(": is noop on dev")[0] for line in dead] == ["ash/visual_style.yaml:3: loras[1].file"]
    assert (problems, warnings) == ([], [])


def test_each_file_is_read_once_for_each_model_that_it_is_meant_for(packs: SmallPacks) -> None:
    packs.write("tiers.yaml", "landscape: {width: 64, height: 64, steps: 1}\nportrait: {width: 64, height: 64}\n")
    packs.write(
        "visual_style.yaml",
        "loras:\n- {name: ink, file: loras/ink.safetensors, scale: 0.8, applies_to: [landscape, portrait, scene]}\n",
    )
    read: list[str] = []
    checked = check_packs(packs.root, on_read=read.append)
    assert sorted(read) == sorted(str(path.resolve()) for path in (packs.ink, packs.moss))
    assert [each.is_dead for each in checked.adapters] == [False, False]


def test_what_no_entry_asks_for_is_told_as_well(packs: SmallPacks) -> None:
    packs.write(
        "tiers.yaml", "landscape: {width: 64, height: 64, steps: 1, variant: standin}\ncartography: {steps: 0}\n"
    )
    packs.write(
        "visual_style.yaml",
        """\
        loras:
          - {name: ink, file: loras/ink.safetensors, scale: 0.8, applies_to: [landscape, banner]}
          - {name: gone, file: loras/gone.safetensors, scale: 0.8, applies_to: [encounter]}
        """,
    )
    dead, problems, warnings = told(check_packs(packs.root))
    assert dead == []
    assert sorted(line.partition(" ")[0] for line in problems) == ["ash/tiers.yaml:2:", "ash/visual_style.yaml:3:"]
    assert [line.partition(";")[0] for line in warnings] == [
        "ash/visual_style.yaml:2: loras[0].applies_to[1]: 'banner' is no tier of this genre"
    ]


def test_packs_need_no_entries_of_every_kind_but_some(packs: SmallPacks) -> None:
    assert told(check_packs(packs.root)) == ([], [], [])
    for world in ("fen", "mire"):
        (packs.root / "ash/worlds" / world / "history.yaml").unlink()
    dead, problems, [warning] = told(check_packs(packs.root))
    assert (dead, problems) == ([], [])
    assert warning.startswith(
        "ash: names nothing to be painted: no history.yaml or portrait_manifest.yaml or creatures"
    )


def test_a_folder_that_is_no_pack_is_left_alone_and_one_without_packs_is_told(
    packs: SmallPacks, tmp_path: Path
) -> None:
    (packs.root / "pictures").mkdir()
    assert told(check_packs(packs.root)) == ([], [], [])
    [problem] = check_packs(packs.root / "pictures").problems
    assert "`kilnmark pack init` begins one" in problem.message


def test_a_wrong_name_and_a_genre_itself_are_refused(packs: SmallPacks) -> None:
    with pytest.raises(UnknownName):
        check_packs(packs.root, "ashh")
    with pytest.raises(UnusableContent, match="this is a genre"):
        check_packs(packs.root / "ash")


def test_decisions_beside_the_packs_are_read_and_a_name_that_is_nearly_an_entrys_is_told(packs: SmallPacks) -> None:
    beside = packs.root / "picks.yaml"
    of_fen = "- {genre: ash, world: fen, kind: poi, name: NAME, seed: 12}\n"
    beside.write_text("picks:\n" + of_fen.replace("NAME", "Reed gaet") + of_fen.replace("NAME", "Long Gone"))
    dead, problems, warnings = told(check_packs(packs.root))
    assert (dead, problems) == ([], [])
    assert warnings == ["picks.yaml: 'Reed gaet' is no entry of ash/worlds/fen; is 'Reed Gate' meant?"]
    odd = [("ash", "fne"), ("ahs", "fen"), ("ash", "gone"), ("lost", "fen"), ("ash", "mire")]
    picks = "".join(f"- {{genre: {genre}, world: {world}, kind: poi, name: A, seed: 1}}\n" for genre, world in odd)
    beside.write_text(f"picks:\n{picks}")
    assert told(check_packs(packs.root))[2] == [
        "picks.yaml: 'A' is said to be of ahs/worlds/fen, where there is none; is 'ash' meant?",
        "picks.yaml: 'A' is said to be of ash/worlds/fne, where there is none; is 'fen' meant?",
    ]
    beside.write_text("picks: 3\n")
    [problem] = check_packs(packs.root).problems
    assert (problem.file.endswith("picks.yaml"), problem.line) == (True, 1)
