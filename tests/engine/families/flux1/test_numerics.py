"""The two arithmetics of a FLUX.1: one picture each, near each other, and what each hands to the base's layers."""

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from kilnmark.engine.families.flux1.model import Flux1Model
from kilnmark.engine.families.flux1.standin import build_standin
from kilnmark.engine.stack.layers import FactoredLinear
from kilnmark.protocol.picture.numerics import AskedCompiling
from kilnmark.protocol.picture.spec import PictureSpec
from tests.engine.arrays import PRECISION, allowed, as_numpy
from tests.engine.flux import flux_of
from tests.engine.short import TARGETS, shorten
from tests.keymaps.pictures.shown import colours

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn

SPEC = PictureSpec(
    prompt="a kiln", negative_prompt=None, variant="standin", seed=5, steps=2, guidance=3.5, width=48, height=32
)


class Unmoved:
    """Watches, and says nothing."""

    def stepped(self, done: int) -> None:
        pass

    def denoised(self, latents: mx.array) -> None:
        pass


@pytest.fixture
def dtypes(monkeypatch: pytest.MonkeyPatch) -> Counter[mx.Dtype]:
    """Of what every linear layer of a base is given."""
    seen: Counter[mx.Dtype] = Counter()
    for kind in (nn.Linear, nn.QuantizedLinear, FactoredLinear):

        def counted(layer: Any, x: mx.array, _own: Any = kind.__call__) -> Any:
            seen[x.dtype] += 1
            return _own(layer, x)

        monkeypatch.setattr(kind, "__call__", counted)
    return seen


def test_a_base_tells_what_it_computes_in(base: Base, quick: Base) -> None:
    assert (base.info.numerics, quick.info.numerics) == ("exact", "fast")


def test_the_picture_and_the_probe_are_those_of_exact_as_near_as_the_type_allows(base: Base, quick: Base) -> None:
    exact, near = (as_numpy(each.generate(SPEC, Unmoved())).astype(int) for each in (base, quick))
    assert np.abs(exact - near).max() <= allowed(1, bfloat16=32)
    exact, near = (as_numpy(each.predict()) for each in (base, quick))
    assert np.linalg.norm(exact - near) < allowed(1e-5, bfloat16=0.15) * np.linalg.norm(exact)


def test_a_picture_that_starts_from_another_is_as_near(base: Base, quick: Base) -> None:
    spec = msgspec.structs.replace(SPEC, start="c" * 64, strength=0.5)
    exact, near = (
        as_numpy(each.generate_from(np.asarray(colours()), spec, Unmoved())).astype(int) for each in (base, quick)
    )
    assert np.abs(exact - near).max() <= allowed(1, bfloat16=32)


def test_no_layer_of_a_base_in_bf16_is_given_float32(dtypes: Counter[mx.Dtype]) -> None:
    transformer = build_standin().transformer
    shorten(transformer)
    transformer.apply(lambda array: array.astype(mx.bfloat16))
    asked = Asked([1.0], 3.5, mx.ones((1, 2, 4096)), mx.ones((1, 768)), rows=1, columns=2)
    noise = FastTransformer(transformer, mx.bfloat16).begin(asked).noise(0, mx.ones((1, 2, 64)))
    mx.eval(noise)
    assert noise.dtype == mx.float32
    assert dtypes == {mx.bfloat16: TARGETS + 10}


@pytest.mark.parametrize("compiling", ["on", "off"])
def test_a_model_tells_whether_its_blocks_are_compiled(base: Base, compiling: AskedCompiling) -> None:
    flux = flux_of(base)
    assert Flux1Model(flux, "", FastTransformer(flux.transformer, PRECISION, compiling)).compiled is (compiling == "on")
    assert not Flux1Model(flux, "").compiled
