"""Working ahead: the next prompt is encoded before its turn, as its own render would encode it, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.run.ahead import Ahead
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from kilnmark.protocol.wire.work import Prefetch
from tests.engine.arrays import as_numpy

(OF_CLIP,) = (exhibit for exhibit in EXHIBITS if exhibit.name == "te-only")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`clip` changes a text encoder, `ink` does not."""
    folder = tmp_path_factory.mktemp("ahead")
    write_exhibit(folder / "clip.safetensors", OF_CLIP)
    make_adapter(folder / "ink.safetensors", rank=1, blocks=1)
    return folder


@pytest.fixture
def store(folder: Path) -> AdapterStore:
    return AdapterStore([folder], clock=lambda: 2**62)


@pytest.fixture
def bare(base: Base, stacker: Stacker) -> Iterator[Base]:
    """Without a stack, and with no prompt encoded, before and after."""
    stacker.clear()
    base.prompts.clear()
    yield base
    stacker.clear()
    base.prompts.clear()


@pytest.fixture
def ahead(bare: Base, store: AdapterStore) -> Ahead:
    return Ahead(store, {"standin": bare}.get)


def needed(*paths: Path, prompt: str | None = "dusk", variant: str = "standin") -> Prefetch:
    lora_paths = [str(path) for path in paths]
    return Prefetch(variant=variant, lora_paths=lora_paths, lora_scales=[1.0] * len(paths), prompt=prompt)


def worked(ahead: Ahead, needed: Prefetch) -> None:
    """As while one picture is decoded and handed over."""
    ahead.announce(needed)
    ahead.prepare()
    ahead.begin()


def test_the_render_finds_its_prompt_encoded_as_it_would_have_been(bare: Base, ahead: Ahead) -> None:
    worked(ahead, needed())
    assert ("dusk", None) in bare.prompts
    found = [as_numpy(array) for array in bare.encode("dusk")]
    assert bare.prompts.nbytes == sum(array.nbytes for array in found)
    bare.prompts.clear()
    again = [as_numpy(array) for array in bare.encode("dusk")]
    assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))


def test_nothing_is_prepared_where_no_render_waits_or_its_base_is_not_held(bare: Base, ahead: Ahead) -> None:
    ahead.prepare()
    worked(ahead, needed(prompt=None))
    worked(ahead, needed(variant="dev"))
    assert ("dusk", None) not in bare.prompts


def test_a_prompt_that_is_held_is_not_encoded_again(bare: Base, ahead: Ahead) -> None:
    before = bare.encode("dusk")
    worked(ahead, needed())
    assert bare.encode("dusk") is before


def test_an_adapter_that_was_not_read_yet_may_be_one_of_the_encoders(bare: Base, ahead: Ahead, folder: Path) -> None:
    worked(ahead, needed(folder / "ink.safetensors"))
    assert ("dusk", None) not in bare.prompts


def test_a_stack_that_leaves_the_encoders_alone_takes_the_prompt_of_the_bare_base(
    bare: Base, ahead: Ahead, folder: Path, store: AdapterStore
) -> None:
    ink = store.get(str(folder / "ink.safetensors"), bare.shapes)
    worked(ahead, needed(folder / "ink.safetensors"))
    found = bare.encode("dusk")
    bare.stacker.switch([Member(ink, 1.0)])
    assert bare.encode("dusk") is found


def test_a_prompt_is_never_encoded_under_another_stack_of_the_encoders(
    bare: Base, ahead: Ahead, folder: Path, store: AdapterStore
) -> None:
    clip = Member(store.get(str(folder / "clip.safetensors"), bare.shapes), 1.0)
    worked(ahead, needed(folder / "clip.safetensors"))
    bare.stacker.switch([clip])
    assert ("dusk", None) not in bare.prompts
    styled = bare.encode("dusk")
    bare.stacker.switch([])
    assert ("dusk", None) not in bare.prompts
    assert not np.array_equal(as_numpy(bare.encode("dusk")[1]), as_numpy(styled[1]))


def test_a_stack_of_the_encoders_that_is_ready_is_put_on_for_it_and_taken_off(
    bare: Base, ahead: Ahead, folder: Path, store: AdapterStore
) -> None:
    clip = Member(store.get(str(folder / "clip.safetensors"), bare.shapes), 1.0)
    bare.stacker.switch([clip])
    wanted = as_numpy(bare.encode("dusk")[1])
    bare.stacker.switch([])
    bare.prompts.clear()
    switches = bare.stacker.switches
    worked(ahead, needed(folder / "clip.safetensors"))
    assert (bare.stacker.key, bare.stacker.switches) == ((), switches)
    assert ("dusk", None) not in bare.prompts
    bare.stacker.switch([clip])
    assert ("dusk", None) in bare.prompts
    assert np.array_equal(as_numpy(bare.encode("dusk")[1]), wanted)


def test_a_base_that_lets_go_forgets_what_was_prepared(bare: Base, ahead: Ahead) -> None:
    ahead.announce(needed())
    ahead.prepare()
    bare.let_go()
    ahead.begin()
    assert ("dusk", None) not in bare.prompts


def test_what_cannot_be_prepared_is_told_to_the_log_alone(
    bare: Base, ahead: Ahead, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreadable(*_: object) -> tuple[mx.array, ...]:
        raise ValueError("no such word")

    monkeypatch.setattr(bare.model, "encode", unreadable)
    worked(ahead, needed())
    assert "the next prompt could not be prepared" in caplog.text
    with pytest.raises(ValueError, match="no such word"):
        bare.encode("dusk")


def test_a_path_that_may_not_be_read_is_left_to_its_own_render(
    bare: Base, ahead: Ahead, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worked(ahead, needed(tmp_path / "elsewhere.safetensors"))
    assert ("dusk", None) not in bare.prompts
    assert not caplog.records
