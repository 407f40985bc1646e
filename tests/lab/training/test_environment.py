"""What a training began with: asked of the Python that trains, and told apart word by word when it changes."""

import subprocess
import sys
from pathlib import Path

import pytest

from kilnmark.lab.training.environment import changes, environment_of
from kilnmark.lab.training.errors import TrainerUnusable


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_versions_are_those_of_the_trainers_python() -> None:
    found = environment_of("mflux", [sys.executable, "x.py"], ("numpy", "no-such-package"), None)
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "numpy" in found
    assert "no-such-package" not in found


def test_the_python_of_a_script_is_found(tmp_path: Path) -> None:
    script = tmp_path / "mflux-train"
    script.write_text(f"#!{sys.executable}\n")
    assert "numpy" in environment_of("mflux", [str(script)], ("numpy",), None)


def test_a_program_of_another_kind_has_no_python(tmp_path: Path) -> None:
    (tmp_path / "train").write_bytes(b"\x7fELF")
    assert "python" not in environment_of("kohya", [str(tmp_path / "train")], ("numpy",), None)


def test_a_python_that_does_not_answer_is_told(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    with pytest.raises(TrainerUnusable, match="does not say which versions"):
        environment_of("kohya", [str(tmp_path / "python3")], (), None)


def test_a_checkout_is_known_by_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    command = [str(tmp_path / "train")]
    assert environment_of("kohya", command, (), tmp_path)["checkout"] == "no commit"
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "a")
    clean = environment_of("kohya", command, (), tmp_path)["checkout"]
    (tmp_path / "a").write_text("2")
    assert environment_of("kohya", command, (), tmp_path)["checkout"] == f"{clean}, changed"


def test_what_changed_is_told_by_name() -> None:
    assert changes({"mlx": "1", "numpy": "2"}, {"mlx": "1.1", "torch": "3"}) == (
        "mlx: 1 -> 1.1",
        "numpy: 2 -> not there",
        "torch: not there -> 3",
    )
