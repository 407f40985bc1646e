"""A file is opened below its root whatever is put in between, at any moment."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.errors import RefusedFile, UnsafeFile
from kilnmark.keymaps.files.descent import folder_of
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.zoo.write import write_tensors
from tests.keymaps.openings import before_opening

ROUNDS = 200


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A root with a file in a folder, and a folder outside with another file of that name."""
    inside, outside = tmp_path / "root" / "box", tmp_path / "outside"
    for folder, number in ((inside, 1.0), (outside, 2.0)):
        folder.mkdir(parents=True)
        write_tensors(folder / "a.safetensors", {"k": np.array([number], np.float32)})
    return tmp_path / "root", outside


@contextmanager
def going_on(act: Callable[[], None]) -> Iterator[list[None]]:
    """Somebody does this again and again; yields a list as long as they have done it often."""
    over, done = threading.Event(), list[None]()

    def go_on() -> None:
        while not over.is_set():
            done.append(act())  # type: ignore[func-returns-value]

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join(10)


def swap_folder(root: Path, outside: Path) -> None:
    (root / "box").rename(root / "aside")
    (root / "box").symlink_to(outside)
    (root / "box").unlink()
    (root / "aside").rename(root / "box")


def swap_file(root: Path, outside: Path) -> None:
    link = root / "box" / "link"
    link.symlink_to(outside / "a.safetensors")
    (root / "box" / "a.safetensors").rename(root / "box" / "aside")
    link.rename(root / "box" / "a.safetensors")
    (root / "box" / "aside").rename(root / "box" / "a.safetensors")


@pytest.mark.parametrize("swap", [swap_folder, swap_file])
def test_nothing_outside_is_read_while_links_come_and_go(
    places: tuple[Path, Path], swap: Callable[[Path, Path], None]
) -> None:
    root = places[0]
    with going_on(lambda: swap(*places)) as swaps:
        for _ in range(ROUNDS):
            with suppress(RefusedFile):
                assert read_file("box/a.safetensors", [root]).array("k").tolist() == [1.0]
        while len(swaps) < ROUNDS:
            with suppress(RefusedFile):
                assert read_file(root / "box" / "a.safetensors", [root]).array("k").tolist() == [1.0]
    assert read_file("box/a.safetensors", [root]).array("k").tolist() == [1.0]


def test_a_folder_exchanged_for_the_opening_alone_and_back_for_the_look_at_it_is_read_all_the_same(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, outside = places
    resolve = os.path.realpath

    def exchange() -> None:
        (root / "box").rename(root / "aside")
        (root / "box").symlink_to(outside)

    def put_back(path: str, *, strict: bool = False) -> str:
        if (root / "box").is_symlink() and path.endswith("a.safetensors"):
            (root / "box").unlink()
            (root / "aside").rename(root / "box")
        return resolve(path, strict=strict)

    monkeypatch.setattr(os.path, "realpath", put_back)
    with suppress(UnsafeFile), before_opening(exchange):
        assert read_file("box/a.safetensors", [root]).array("k").tolist() == [1.0]


def test_a_step_that_became_a_link_is_not_taken(places: tuple[Path, Path]) -> None:
    root, outside = places
    resolved = str(root / "box" / "a.safetensors")
    (root / "box").rename(root / "aside")
    (root / "box").symlink_to(outside)
    with pytest.raises(UnsafeFile, match="exchanged"), folder_of(resolved, [root]):
        pass
    with pytest.raises(UnsafeFile, match="exchanged"), folder_of(str(outside / "a.safetensors"), [root]):
        pass


def test_folders_that_may_only_be_passed_are_passed(places: tuple[Path, Path]) -> None:
    root, _ = places
    (root / "box").chmod(0o111)
    with folder_of(str(root / "box" / "a.safetensors"), [root]) as (folder, name):
        assert os.stat(name, dir_fd=folder).st_size > 0
    (root / "box").chmod(0o755)


@pytest.mark.parametrize("end", ["/", "/.", "//"])
@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_file_with_the_end_of_a_folder_is_refused(places: tuple[Path, Path], end: str, *, is_absolute: bool) -> None:
    named = "box/a.safetensors" + end
    with pytest.raises(UnsafeFile, match="names a folder by its end"):
        read_file(f"{places[0]}/{named}" if is_absolute else named, [places[0]])
