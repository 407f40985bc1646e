"""Files that are known again by their seal."""

from pathlib import Path

from kilnmark.client.cli.service.sealed import SEAL, SealedFile, seal, state_of

TEXT = seal(f"# {SEAL}\nListenStream=/run/d.sock\n")


def test_a_file_is_ours_until_one_character_of_it_is_another(tmp_path: Path) -> None:
    file = SealedFile(tmp_path / "deep" / "unit", TEXT)
    assert (state_of(file.path), file.is_there()) == ("absent", False)
    file.write()
    assert (state_of(file.path), file.is_there()) == ("ours", True)
    assert file.path.stat().st_mode & 0o777 == 0o644
    for edited in (TEXT + "\n", TEXT.replace("d.sock", "e.sock"), TEXT.replace("# kiln", "; kiln"), TEXT[:-1]):
        file.path.write_text(edited)
        assert (state_of(file.path), file.is_there()) == ("edited", False)


def test_our_words_of_another_time_are_ours_and_not_these(tmp_path: Path) -> None:
    (tmp_path / "unit").write_text(seal(f"# {SEAL}\nListenStream=/elsewhere\n"))
    file = SealedFile(tmp_path / "unit", TEXT)
    assert (state_of(file.path), file.is_there()) == ("ours", False)


def test_what_has_no_seal_or_is_no_text_or_a_link_is_somebody_elses(tmp_path: Path) -> None:
    path = tmp_path / "unit"
    path.write_text("[Unit]\n")
    assert state_of(path) == "foreign"
    path.write_bytes(b"\xff\xfe")
    assert state_of(path) == "foreign"
    path.unlink()
    path.symlink_to("/dev/null")
    assert state_of(path) == "foreign"
    SealedFile(tmp_path / "real", TEXT).write()
    path.unlink()
    path.symlink_to(tmp_path / "real")
    assert (state_of(path), SealedFile(path, TEXT).is_there()) == ("foreign", False)
    path.unlink()
    path.mkdir()
    assert state_of(path) == "foreign"


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("mine\n")
    (tmp_path / "unit").symlink_to(tmp_path / "theirs")
    SealedFile(tmp_path / "unit", TEXT).write()
    assert (tmp_path / "theirs").read_text() == "mine\n"
    assert not (tmp_path / "unit").is_symlink()
    assert list(tmp_path.glob(".*")) == []
