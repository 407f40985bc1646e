"""What every base promises, whatever family it is of: tried on the smallest there is."""

from dataclasses import dataclass, field
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.protocol.picture.spec import PictureSpec
from kilnmark.protocol.settings import Settings

SHAPES: Shapes = {"aperture": (16, 3), "film": (3, 16)} | {f"blocks.{block}.mix": (16, 16) for block in range(3)}
SPEC = PictureSpec(
    prompt="a kiln", negative_prompt=None, variant="pinhole", seed=1, steps=2, guidance=2.0, width=64, height=64
)


@dataclass
class Seen:
    """Writes down what it is told; stops at a step if it is to."""

    stop_at: int | None = None
    told: list[object] = field(default_factory=list)

    def stepped(self, done: int) -> None:
        if done == self.stop_at:
            raise InterruptedError
        self.told.append(done)

    def denoised(self, latents: mx.array) -> None:
        self.told.append(tuple(latents.shape))


def pixels(base: Base, seen: Seen) -> NDArray[np.uint8]:
    return np.asarray(base.generate(SPEC, seen))


def test_its_layers_are_found_by_their_paths(pinhole: Base) -> None:
    assert pinhole.shapes == SHAPES
    assert pinhole.info.target_count == 5


def test_the_watcher_hears_of_every_step_and_of_the_end(pinhole: Base) -> None:
    seen = Seen()
    assert pixels(pinhole, seen).shape == (64, 64, 3)
    assert seen.told == [0, 1, (64, 3)]


def test_a_watcher_that_raises_stops_the_picture_and_harms_no_other(pinhole: Base) -> None:
    before = pixels(pinhole, Seen())
    with pytest.raises(InterruptedError):
        pixels(pinhole, Seen(stop_at=1))
    assert np.array_equal(pixels(pinhole, Seen()), before)


def test_a_prompt_is_encoded_once_for_each_negative_prompt_beside_it(pinhole: Base) -> None:
    plain = pinhole.encode("a kiln")
    assert pinhole.encode("a kiln") is plain
    assert pinhole.encode("a kiln", "rain") is not plain
    assert len(pinhole.prompts) == 2


def test_a_variant_that_takes_no_negative_prompt_never_sees_one(base: Base) -> None:
    assert base.encode("a kiln", "rain") is base.encode("a kiln")


def test_what_it_predicts_is_the_same_every_time(pinhole: Base) -> None:
    first = pinhole.predict()
    assert first.dtype == mx.float32
    assert bool(mx.array_equal(first, pinhole.predict()))


def test_letting_go_forgets_what_was_held_ready(pinhole: Base) -> None:
    pinhole.encode("a kiln")
    assert pinhole.extra_bytes > 0
    pinhole.let_go()
    assert pinhole.extra_bytes == 0


@pytest.mark.usefixtures("installed")
def test_the_standin_does_not_stand_in_for_another_family(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"'pinhole': 'standin' is no base"):
        Settings(socket=tmp_path / "d.sock", output_dir=tmp_path, bases={"pinhole": "standin"})


@pytest.mark.usefixtures("installed")
def test_what_a_family_cannot_do_it_refuses_by_itself() -> None:
    with pytest.raises(BaseUnavailable, match="too small to be quantized; leave quantize out"):
        load_base("pinhole", 8)


@pytest.mark.usefixtures("installed")
def test_numerics_that_a_family_does_not_have_are_refused_with_those_that_it_has() -> None:
    with pytest.raises(BaseUnavailable, match="Pinhole has no numerics 'fast', only exact; set numerics to that"):
        load_base("pinhole", None, numerics="fast")


def test_a_base_says_what_it_computes_in(pinhole: Base) -> None:
    assert (pinhole.info.numerics, pinhole.info.compiled) == ("exact", False)
