"""How near `fast` in bf16 is to a forward pass in float64, beside diffusers in bf16 with the same weights."""

import json
import os
import random
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from kilnmark.engine.families.flux1.standin import build_standin
from kilnmark.engine.stack.build import Member
from kilnmark.engine.stack.fast import FastLinear
from kilnmark.engine.stack.layers import FactoredLinear
from kilnmark.engine.stack.slots import find_slots
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from scripts.rivals import RivalsUnavailable, set_up
from tests.benchmarks.figures import Figure, Headline, Missing, tell
from tests.engine.arrays import as_float64
from tests.engine.forward64 import Array64, Inputs64, forward64
from tests.engine.small_flux import Sizes, inputs_for, small_flux
from tests.engine.small_stack import changes, pairs_on_all, stacker_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

PART, BASE = "quality", "small FLUX, bf16"
SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "rival_noise.py"
SIZES = Sizes(joint=2, single=4, heads=4, axes=(16, 24, 24))
PICTURES, ROWS, COLUMNS, TOKENS = 20, 6, 8, 12
TIMES = (1.0, 0.5, 0.25, 0.125)
STRENGTHS = (1.0, 2.0, 4.0)
"""A thousand times each is a number of bf16, so that diffusers, which makes it one, is not charged for that."""
RANK, STRENGTH = 16, 0.25
"""The update is a quarter as large as the weights: strong, as one has to be for bf16 to tell it within a percent."""
PATIENCE = 300.0
OURS, DIFFUSERS = "kilnmark, fast", "diffusers, bf16"


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    """With the activation that diffusers has everywhere, where mflux has another in one place."""
    made = small_flux(SIZES, dtype=mx.bfloat16)
    for block in made.transformer_blocks:
        block.ff.activation_function = block.ff_context.activation_function = nn.gelu_approx
    return made


@pytest.fixture(scope="module")
def inputs() -> list[Inputs64]:
    some = random.Random(1)
    return [
        replace(
            inputs_for(SIZES, seed=seed, rows=ROWS, columns=COLUMNS, tokens=TOKENS),
            sigma=some.choice(TIMES),
            guidance=some.choice(STRENGTHS),
        )
        for seed in range(PICTURES)
    ]


def in_bf16(numbers: Array64) -> mx.array:
    """As a prompt is given; exact, since the numbers are bf16's."""
    return mx.array(numbers.astype(np.float32)).astype(mx.bfloat16)[None]


def ours(transformer: Transformer, inputs: Sequence[Inputs64]) -> list[Array64]:
    """With whatever stack is on."""
    return [predicted(transformer, each) for each in inputs]


def predicted(transformer: Transformer, inputs: Inputs64) -> Array64:
    text, pooled = in_bf16(inputs.text), in_bf16(inputs.pooled)
    asked = Asked([inputs.sigma], inputs.guidance, text, pooled, inputs.rows, inputs.columns)
    latents = mx.array(inputs.latents.astype(np.float32))[None]
    return np.asarray(as_float64(FastTransformer(transformer, mx.bfloat16).begin(asked).noise(0, latents))[0])


def theirs(folder: Path, transformer: Transformer, inputs: Sequence[Inputs64], adapter: Adapter) -> dict[str, Any]:
    """Diffusers' noise, by `bare.N` and `moved.N`.

    Raises:
        RivalsUnavailable: it is to be left out, cannot be installed, or failed.
    """
    if os.environ.get("RIVALS") == "0":
        raise RivalsUnavailable("left out by RIVALS=0")
    python = set_up()
    give(folder, transformer, inputs, adapter)
    try:
        command = [str(python), str(SCRIPT), str(folder)]
        subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except subprocess.TimeoutExpired as error:
        raise RivalsUnavailable(f"it took more than {PATIENCE:g} s") from error
    except subprocess.CalledProcessError as error:
        raise RivalsUnavailable(f"its script failed: {error.stderr.strip().splitlines()[-1]}") from error
    found: dict[str, Any] = load_file(folder / "noise.safetensors")
    return found


def give(folder: Path, transformer: Transformer, inputs: Sequence[Inputs64], adapter: Adapter) -> None:
    """Everything that the script reads; numbers that are bf16's are bf16's there, too."""
    weights = {}
    for path, slot in find_slots(transformer).items():
        for name in ("weight", "bias"):
            if name in slot.linear:
                weights[f"{renamed(path)}.{name}"] = slot.linear[name]
    mx.save_safetensors(str(folder / "weights.safetensors"), weights)
    given = {
        f"{name}.{place}": getattr(each, name).astype(np.float32)
        for place, each in enumerate(inputs)
        for name in ("latents", "text", "pooled")
    }
    save_file(given, folder / "inputs.safetensors")
    pairs = {}
    for update in adapter.updates:
        assert isinstance(update, PairUpdate)
        pairs[f"transformer.{renamed(update.target)}.lora_A.weight"] = update.down
        pairs[f"transformer.{renamed(update.target)}.lora_B.weight"] = update.up
    save_file(pairs, folder / "adapter.safetensors")
    sizes = {
        "num_layers": SIZES.joint,
        "num_single_layers": SIZES.single,
        "attention_head_dim": sum(SIZES.axes),
        "num_attention_heads": SIZES.heads,
        "joint_attention_dim": SIZES.text,
        "pooled_projection_dim": SIZES.pooled,
        "guidance_embeds": True,
        "axes_dims_rope": SIZES.axes,
    }
    times = [(each.sigma, each.guidance) for each in inputs]
    (folder / "asked.json").write_text(json.dumps({"sizes": sizes, "times": times, "rows": ROWS, "columns": COLUMNS}))


def renamed(path: str) -> str:
    """A layer of mflux's as diffusers calls it."""
    return path.replace(".linear1", ".net.0.proj").replace(".linear2", ".net.2")


def distance(one: Array64, other: Array64) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def cosine(one: Array64, other: Array64) -> float:
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


def show(what: str, who: str, values: Sequence[float], against: Sequence[float] | None = None) -> None:
    ratio = None if against is None else statistics.median(a / b for a, b in zip(values, against, strict=True))
    median = statistics.median(values)
    whose = "" if against is None else DIFFUSERS
    tell(Figure(part=PART, base=BASE, what=what, who=who, value=median, unit="", ratio=ratio, against=whose, rounds=20))


def test_the_noise_and_what_an_adapter_moves_in_it(
    transformer: Transformer, inputs: list[Inputs64], tmp_path: Path
) -> None:
    stacker, adapter = stacker_of(transformer), pairs_on_all(transformer, RANK, seed=1, strength=STRENGTH)
    members = [Member(adapter, 1.0)]
    heads = SIZES.heads
    truths = [forward64(transformer, each, head_count=heads) for each in inputs]
    moved = [forward64(transformer, each, changes(members), head_count=heads) for each in inputs]
    bare = ours(transformer, inputs)
    stacker.switch(members)
    styled = ours(transformer, inputs)
    stacker.switch([])
    errors = [distance(*each) for each in zip(bare, truths, strict=True)]
    by = [after - before for before, after in zip(truths, moved, strict=True)]
    cosines = [cosine(after - before, it) for before, after, it in zip(bare, styled, by, strict=True)]
    tell(Headline(name="fast_cosine_min", value=min(cosines)))
    assert min(cosines) < 1
    try:
        other = theirs(tmp_path, transformer, inputs, adapter)
    except RivalsUnavailable as error:
        show("distance from float64", OURS, errors)
        show("cosine of what an adapter moves with float64's", OURS, cosines)
        tell(Missing(part=PART, base=BASE, what="distance from float64", who=DIFFUSERS, reason=str(error)))
        return
    their_errors = [distance(other[f"bare.{place}"], truth) for place, truth in enumerate(truths)]
    their_cosines = [cosine(other[f"moved.{place}"] - other[f"bare.{place}"], it) for place, it in enumerate(by)]
    show("distance from float64", DIFFUSERS, their_errors)
    show("distance from float64", OURS, errors, their_errors)
    show("cosine of what an adapter moves with float64's", DIFFUSERS, their_cosines)
    show("cosine of what an adapter moves with float64's", OURS, cosines)
    assert max(their_errors) < 0.1, "diffusers computes something else, so that nothing is compared"
    tell(Headline(name="fast_error_vs_diffusers", value=max(a / b for a, b in zip(errors, their_errors, strict=True))))


@contextmanager
def census(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[mx.Dtype]]:
    """The types of inputs of all linear layers that are called meanwhile."""
    given: list[mx.Dtype] = []

    def seeing(call: Callable[[Any, mx.array], mx.array]) -> Callable[[Any, mx.array], mx.array]:
        def seen(layer: object, x: mx.array) -> mx.array:
            given.append(x.dtype)
            return call(layer, x)

        return seen

    with monkeypatch.context() as patch:
        for kind in (nn.Linear, nn.QuantizedLinear, FactoredLinear):
            patch.setattr(kind, "__call__", seeing(kind.__call__))
        patch.setattr(FastLinear, "parts", seeing_parts(FastLinear.parts, given))
        yield given


def seeing_parts(call: Callable[..., Any], given: list[mx.Dtype]) -> Callable[..., Any]:
    def seen(layer: object, x: mx.array, **how: Any) -> Any:
        given.append(x.dtype)
        return call(layer, x, **how)

    return seen


def test_no_layer_of_the_whole_topology_is_given_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """All 504 of the standin, in bf16, in one step, without a stack and with one."""
    transformer = build_standin().transformer
    transformer.set_dtype(mx.bfloat16)
    text, pooled = mx.zeros((1, 4, 4096), mx.bfloat16), mx.zeros((1, 768), mx.bfloat16)
    stacker = stacker_of(transformer)
    with census(monkeypatch) as given:
        for members in ([], [Member(pairs_on_all(transformer, 4, seed=1), 1.0)]):
            stacker.switch(members)
            FastTransformer(transformer, mx.bfloat16).begin(Asked([1.0], 3.5, text, pooled, 2, 2)).noise(
                0, mx.zeros((1, 4, 64))
            )
    assert len(given) >= 2 * 504
    tell(Headline(name="float32_inputs_fast", value=float(given.count(mx.float32))))


def test_a_hundred_flips_rescales_and_stacks_of_one_rank_are_traced_once(
    transformer: Transformer, inputs: list[Inputs64]
) -> None:
    stacker = stacker_of(transformer)
    adapters = [pairs_on_all(transformer, rank, seed=rank) for rank in (4, 8, 16)]
    fast, some, one = FastTransformer(transformer, mx.bfloat16, "on"), random.Random(7), inputs[0]
    text, pooled = in_bf16(one.text), in_bf16(one.pooled)

    def step(members: Sequence[Member]) -> None:
        stacker.switch(members)
        fast.begin(Asked([1.0], 1.0, text, pooled, ROWS, COLUMNS)).noise(0, mx.zeros((1, ROWS * COLUMNS, 64)))

    step([])
    step([Member(adapters[0], 1.0)])
    first = fast.traces.made
    assert first > 0
    for _ in range(100):
        step([Member(some.choice(adapters), some.choice([1.0, 0.5, some.uniform(-2, 2)]))] * some.choice([0, 1]))
    stacker.switch([])
    assert fast.traces.plain == 0
    tell(Headline(name="traces_on_flip", value=float(fast.traces.made - first)))
