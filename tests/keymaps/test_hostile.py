"""Every hostile file is refused for what it is, with its key, by both readers, and long before anybody would wait."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kilnmark.keymaps.files.safefile import read_file, read_header
from tests.keymaps.hostile import KINDS, Hostile
from tests.keymaps.openings import after_opening

PATIENCE = 1.0
"""Seconds of the processor: what grows with the square of a header takes minutes. Figures: tests/benchmarks."""


def exposed(kind: Hostile, path: Path) -> AbstractContextManager[None]:
    """The file is exchanged while it is open, where that is what makes it hostile."""
    return after_opening(partial(kind.act, path)) if kind.act else nullcontext()


@pytest.mark.parametrize("read", [read_file, read_header], ids=["whole", "header"])
@pytest.mark.parametrize("name", KINDS)
def test_a_hostile_file_is_refused_for_what_it_is(tmp_path: Path, name: str, read: Callable[..., Any]) -> None:
    kind = KINDS[name]
    folder = tmp_path / "root"
    folder.mkdir()
    path = kind.build(folder)
    begin = time.process_time()
    with exposed(kind, path), pytest.raises(kind.refusal, match=kind.problem) as caught:
        read(path, [folder] if kind.in_root else None)
    assert time.process_time() - begin < PATIENCE
    assert caught.value.key == kind.key
    assert caught.value.mend
