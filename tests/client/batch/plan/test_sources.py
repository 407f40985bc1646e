"""Sources: which entries there are, what is wrong with the others, and where."""

import os
from pathlib import Path

import pytest

from kilnmark.client.batch.plan.sources import SourcesRead, places, read_sources
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.pack_files import PackFolder
from kilnmark.protocol.content.packs import UnknownName
from tests.protocol.content.made import Shelf


def read(text: str, kind: Kind = "poi", file: str = "history.yaml") -> SourcesRead:
    return read_sources(Shelf({f"ash/{file}": text}), kind, [("ash", None)])


def pois(*entries: str) -> SourcesRead:
    lines = "".join(f"  - {entry}\n" for entry in entries)
    return read(f"chapters:\n- title: One\n  points_of_interest:\n{lines}")


def said(found: SourcesRead) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in found.problems]


def test_a_visual_prompt_is_used_as_it_stands() -> None:
    found = pois('{name: Stair, visual_prompt: "a stair,  of Glass!", description: not this}')
    assert [(each.name, each.words) for each in found.subjects] == [("Stair", "a stair,  of Glass!")]


@pytest.mark.parametrize("prompt", ["", "visual_prompt: , ", "visual_prompt: '  ', "])
def test_without_one_the_name_and_the_description_are(prompt: str) -> None:
    found = pois(f"{{name: Stair, {prompt}description: Steps of\n      glass}}")
    assert [each.words for each in found.subjects] == ["Stair: Steps of glass"]


def test_chapters_never_leak_into_a_prompt() -> None:
    found = read(
        """\
        title: LEAK
        chapters:
        - title: LEAK
          summary: LEAK
          text: LEAK
          points_of_interest:
          - {name: Stair, description: Steps., region: LEAK, type: LEAK, lore: LEAK}
        """
    )
    assert [each.words for each in found.subjects] == ["Stair: Steps."]
    assert not found.problems


def test_an_entry_knows_its_file_and_line() -> None:
    found = pois("{name: A, description: x}", "{name: B, description: y}")
    assert [(each.file, each.line) for each in found.subjects] == [("ash/history.yaml", 4), ("ash/history.yaml", 5)]


@pytest.mark.parametrize(
    ("entry", "line", "words"),
    [
        ("{description: x}", 4, "is missing; add `name: ...`"),
        ("{name: A}", 4, "says nothing that could be painted"),
        ("{name: [A], description: x}", 4, 'must be text, but is ["A"]'),
        ("{name: A, visual_prompt: {a: b}, description: x}", 4, 'must be text, but is {"a": "b"}'),
        ("{name: 1984, description: x}", 4, "is 1984; put it in quotes"),
        ("just text", 4, "must be a mapping"),
        ("17", 4, "must be a mapping"),
        (f"{{name: {'A' * 201}, description: x}}", 4, "longer than the 200 characters"),
        (f"{{name: A, description: {'x' * 20_001}}}", 4, "longer than the 20000 characters"),
        (f"{{name: {'A' * 9}, description: {'x' * 19_992}}}", 4, "a prompt of more than 20000 characters"),
        ("{name: A, name: B, description: x}", 4, "stands twice"),
    ],
)
def test_one_that_is_unusable_is_named_and_costs_no_other(entry: str, line: int, words: str) -> None:
    found = pois(entry, "{name: Sound, description: x}")
    assert [each.name for each in found.subjects] == ["Sound"]
    ((at, message),) = said(found)
    assert at == line
    assert words in message


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("title: nothing else\n", 1, "has no `chapters`"),
        ("chapter: []\n", 1, "write `chapters`"),
        ("chapters: many\n", 1, "must be a list"),
        ("chapters:\n- a text\n", 2, "must be a mapping"),
        ("chapters:\n- point_of_interest: []\n", 2, "write `points_of_interest`"),
        ("chapters:\n- points_of_interest: {a: b}\n", 2, "must be a list"),
        ("- a list\n", 1, "a list where a mapping"),
        ("chapters: [\n", 1, "is not YAML"),
    ],
)
def test_what_leads_to_no_entries_is_named(text: str, line: int, words: str) -> None:
    found = read(text)
    assert found.subjects == []
    ((at, message),) = said(found)
    assert at == line
    assert words in message


@pytest.mark.parametrize("text", ["chapters:\n", "chapters: []\n", "chapters:\n- title: a quiet one\n"])
def test_nothing_to_paint_is_no_problem(text: str) -> None:
    assert read(text) == SourcesRead(packs=[("ash", None)])


def test_a_misspelt_field_is_warned_about() -> None:
    found = pois("{name: A, description: x, visual_promt: y}")
    assert len(found.subjects) == 1
    ((warning),) = found.warnings
    assert (warning.line, warning.message) == (4, "is no field; is `visual_prompt` meant?")


def test_the_same_entry_in_two_chapters_is_one_picture() -> None:
    found = pois("{name: A, description: x}", "{name: A, description: x}")
    assert (len(found.subjects), found.problems) == (1, [])


def test_two_entries_of_one_name_cannot_be_told_apart() -> None:
    found = pois("{name: A, description: x}", "{name: A, description: y}")
    assert len(found.subjects) == 1
    assert said(found) == [(5, "'A' is the name of line 4 too; rename one, or say the same of both")]


def test_one_name_with_its_accent_spelled_in_two_ways_is_one_name() -> None:
    found = pois('{name: "\\u00e9", description: x}', '{name: "e\\u0301", description: y}')
    assert len(found.subjects) == 1
    assert said(found)[0][1].endswith("is the name of line 4 too; rename one, or say the same of both")


def test_a_file_of_the_wrong_ending_is_not_overlooked() -> None:
    found = read("chapters: []\n", file="history.yml")
    assert said(found) == [(0, "is not read; rename it to history.yaml")]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "ash").mkdir()
    os.mkfifo(tmp_path / "ash" / "history.yaml")
    found = read_sources(PackFolder(tmp_path), "poi", [("ash", None)])
    assert "cannot be read" in found.problems[0].message


def test_a_place_is_a_region_and_a_name() -> None:
    found = pois("{name: Stair, region: ' High Fen ', description: x}", "{name: Tower, description: x}")
    assert [each.place for each in found.subjects] == [("High Fen", "Stair"), (None, "Tower")]


def test_people_and_creatures_have_a_region_at_most() -> None:
    people = characters("{name: Ada of Fen, role: smith, region: Fen}").subjects
    beasts = read("creatures:\n- {name: Fen eel, appearance: long}\n", "creature", "creatures.yaml").subjects
    assert [each.place for each in (*people, *beasts)] == [("Fen", None), (None, None)]


def test_a_region_that_is_no_text_is_no_problem_by_itself() -> None:
    found = pois("{name: A, region: {x: y}, description: z}")
    assert (found.problems, found.subjects[0].place) == ([], (None, "A"))
    assert str(found.subjects[0].unplaced[0]).startswith("ash/history.yaml:4: chapters[0].points_of_interest[0].region")


def test_two_entries_of_one_name_in_two_regions_cannot_be_told_apart() -> None:
    found = pois("{name: A, region: x, description: y}", "{name: A, region: z, description: y}")
    assert (len(found.subjects), [line for line, _ in said(found)]) == (1, [5])


def characters(entry: str) -> SourcesRead:
    return read(f"characters:\n- {entry}\n", "portrait", "portrait_manifest.yaml")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            "{name: Ada, role: smith, appearance: 'tall, grey', culture_aesthetic: Linen!, type: hero}",
            "Portrait of Ada, smith. tall, grey. Linen!",
        ),
        ("{name: Ada, role: smith}", "Portrait of Ada, smith."),
        ("{name: Ada, appearance: tall}", "Portrait of Ada. tall."),
    ],
)
def test_a_portrait_is_composed_of_name_role_appearance_and_culture(entry: str, words: str) -> None:
    assert [each.words for each in characters(entry).subjects] == [words]


def test_a_character_of_whom_nothing_can_be_seen_is_named() -> None:
    assert "add `appearance` or `role`" in said(characters("{name: Ada, culture_aesthetic: linen}"))[0][1]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{name: Fogcalf, visual_prompt: a calf of fog, description: no}", "a calf of fog"),
        ("{name: Fogcalf, type: spirit, appearance: grey, habitat: moors}", "Fogcalf, spirit. grey. Habitat: moors."),
        ("{name: Fogcalf, description: A calf of fog.}", "Fogcalf. A calf of fog."),
    ],
)
def test_a_creature_is_painted_by_its_prompt_or_by_its_looks(entry: str, words: str) -> None:
    found = read(f"creatures:\n- {entry}\n", "creature", "creatures.yaml")
    assert [each.words for each in found.subjects] == [words]


TREE = Shelf(
    {f"{genre}/worlds/{world}/x.yaml": "" for genre, world in [("ash", "mire"), ("ash", "fen"), ("oak", "fen")]}
)


def test_every_genre_goes_before_its_worlds() -> None:
    assert places(TREE, None, None) == [("ash", None), ("ash", "fen"), ("ash", "mire"), ("oak", None), ("oak", "fen")]


def test_one_genre_or_one_world_can_be_meant() -> None:
    assert places(TREE, "oak", None) == [("oak", None), ("oak", "fen")]
    assert places(TREE, None, "fen") == [("ash", "fen"), ("oak", "fen")]
    assert places(TREE, "ash", "fen") == [("ash", "fen")]


@pytest.mark.parametrize(("genre", "world"), [("elm", None), ("oak", "mire"), (None, "moor")])
def test_a_name_that_nothing_has_is_refused(genre: str | None, world: str | None) -> None:
    with pytest.raises(UnknownName):
        places(TREE, genre, world)
