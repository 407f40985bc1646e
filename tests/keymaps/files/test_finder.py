"""Adapters found by the paths of requests and by the words of documents, on a real disk."""

import os
from pathlib import Path

import pytest

from kilnmark.keymaps.files.finder import AdapterFinder, Found
from kilnmark.keymaps.files.identity import FileIdentity
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A genre with a world below it."""
    (tmp_path / "packs" / "ink" / "worlds" / "mire").mkdir(parents=True)
    return tmp_path / "packs"


def adapter(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_adapter(path, blocks=1, rank=1)


def named(finder: AdapterFinder, file: str, folder: Path) -> Found:
    [found] = finder.named([(file, folder)]).found
    return found


def test_an_adapter_is_looked_for_beside_its_document_first(packs: Path, tmp_path: Path) -> None:
    beside = adapter(packs / "ink" / "loras" / "a.safetensors")
    adapter(packs / "loras" / "a.safetensors")
    shared = adapter(tmp_path / "shared" / "loras" / "b.safetensors")
    finder = AdapterFinder([packs, tmp_path / "shared"])
    assert named(finder, "loras/a.safetensors", packs / "ink").path == str(beside)
    assert named(finder, "../../loras/a.safetensors", packs / "ink" / "worlds" / "mire").path == str(beside)
    assert named(finder, "loras/b.safetensors", packs / "ink") == (str(shared), "")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("gone.safetensors", "no such file in "),
        ("../../outside.safetensors", "lies outside the adapter roots"),
        ("link.safetensors", "lies outside the adapter roots"),
        ("notes.txt", "safetensors"),
        ("worlds", "is a directory"),
    ],
)
def test_a_file_that_is_no_adapter_of_the_packs_is_a_problem_with_its_mend(
    packs: Path, tmp_path: Path, file: str, words: str
) -> None:
    outside = adapter(tmp_path / "outside.safetensors")
    (packs / "ink" / "link.safetensors").symlink_to(outside)
    (packs / "ink" / "notes.txt").write_text("these are notes and no adapter at all, however long they are")
    found = named(AdapterFinder([packs]), file, packs / "ink")
    assert words in found.problem
    assert "; " in found.problem


def test_by_a_request_the_place_alone_counts(packs: Path) -> None:
    notes = packs / "ink" / "notes.txt"
    notes.write_text("no adapter")
    sent = AdapterFinder([packs]).sent([str(notes), "ink/gone.safetensors"])
    assert sent.paths == [str(notes), "ink/gone.safetensors"]
    assert sent.problems[0] == ""
    assert "no such file" in sent.problems[1]


def test_each_file_with_a_problem_has_a_report_of_its_own(packs: Path) -> None:
    adapter(packs / "a.safetensors")
    located = AdapterFinder([packs]).sent(["gone.safetensors", "a.safetensors", "lost.safetensors"])
    reports = located.refused(["gone", "a", "lost"], [1.0, 0.5, -1.0], [{}, {}, {"double": 0.5}])
    assert [(report.name, report.path, report.scale) for report in reports] == [
        ("gone", "gone.safetensors", 1.0),
        ("lost", "lost.safetensors", -1.0),
    ]
    assert {report.verdict for report in reports} == {Verdict.REFUSED}
    assert [report.reason for report in reports] == [located.problems[0], located.problems[2]]


def test_a_settled_file_is_read_once_and_again_when_it_was_changed(
    packs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = adapter(packs / "a.safetensors")
    monkeypatch.setattr(FileIdentity, "is_settled", lambda *_: True)
    finder = AdapterFinder([packs])
    assert named(finder, "a.safetensors", packs).problem == ""
    content, stamps = path.read_bytes(), path.stat()
    path.write_bytes(b"x" * len(content))
    os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert "a.safetensors" in named(finder, "a.safetensors", packs).problem
