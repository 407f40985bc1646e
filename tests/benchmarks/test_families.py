"""What adapters cost on other families than FLUX.1, at their true shapes: another stack, a step, and a prompt.

The other parts are about FLUX.1 alone; here is little more than whether a family is out of line with it.
"""

from pathlib import Path

import mlx.core as mx
import pytest

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.stack.member import Member
from kilnmark.keymaps.zoo.exhibits.qwen3 import QWEN3
from kilnmark.keymaps.zoo.zoo import write_exhibit
from tests.benchmarks import ours
from tests.benchmarks.clock import Action, Series, interleaved
from tests.benchmarks.figures import Figure, tell
from tests.benchmarks.files import AdapterFiles

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]

PART, RANK, STACK, SCALE = "families", 16, 4, 0.5
PROMPT = "a kiln in the rain, at dusk"
COLD, FLIP = "cold: file to stack", "A-B-A flip"
BARE_STEP, STYLED_STEP = "a small step, no adapter", f"a small step, {STACK} of rank {RANK}"
BARE_PROMPT, STYLED_PROMPT = "a prompt, no adapter", f"a prompt, rank {RANK} on Qwen3"
AGAINST = {FLIP: COLD, STYLED_STEP: BARE_STEP, STYLED_PROMPT: BARE_PROMPT}
ON_QWEN3 = {"standin:flux2-klein-4b": "qwen3-comfyui-only", "standin:z-image-turbo": "qwen3-kohya-only"}
BASES = (*ON_QWEN3, "standin:krea-2", "standin:flux3-klein", "standin:qwen-image-2.1")


@pytest.fixture(scope="module", params=BASES)
def base(request: pytest.FixtureRequest) -> Base:
    return load_base(request.param, None)


def told(base: Base, series: dict[str, Series]) -> None:
    for what, times in series.items():
        against = AGAINST.get(what, "")
        ratio = times.over(series[against]) if against else None
        name = base.info.variant
        tell(
            Figure(
                part=PART,
                base=name,
                what=what,
                who="kilnmark",
                value=times.median,
                ratio=ratio,
                against=against,
                rounds=times.rounds,
            )
        )


def test_another_stack(base: Base, files: AdapterFiles) -> None:
    first, second = files.get(base.shapes, RANK, 2)
    adapters = [ours.read(base, path) for path in (first, second)]

    def both_built() -> None:
        for adapter in adapters:
            ours.cached(base, adapter)

    actions = {
        COLD: Action(lambda: ours.cold(base, first), lambda: ours.off(base)),
        FLIP: Action(lambda: ours.flip(base, adapters[0]), both_built),
    }
    try:
        told(base, interleaved(actions, seconds=10, least=3, most=9))
    finally:
        ours.off(base)


def test_a_step(base: Base, files: AdapterFiles) -> None:
    adapters = [ours.read(base, path) for path in files.get(base.shapes, RANK, STACK)]
    hung = ours.layers_of(base, adapters, SCALE)
    bare = base.predict()
    actions = {
        BARE_STEP: Action(base.predict, lambda: ours.hang(base, {})),
        STYLED_STEP: Action(base.predict, lambda: ours.hang(base, hung)),
    }
    try:
        told(base, interleaved(actions, seconds=10, least=3, most=25))
        ours.hang(base, hung)
        assert not bool(mx.array_equal(base.predict(), bare))
    finally:
        ours.hang(base, {})
    assert bool(mx.array_equal(base.predict(), bare))


@pytest.mark.parametrize("base", ON_QWEN3, indirect=True)
def test_a_prompt(base: Base, tmp_path: Path) -> None:
    (exhibit,) = (each for each in QWEN3 if each.name == ON_QWEN3[base.info.variant])
    adapter = ours.read(base, write_exhibit(tmp_path / "qwen3.safetensors", exhibit, rank=RANK))

    def with_stack(members: list[Member]) -> None:
        base.stacker.switch(members)
        base.prompts.clear()

    actions = {
        BARE_PROMPT: Action(lambda: base.encode(PROMPT), lambda: with_stack([])),
        STYLED_PROMPT: Action(lambda: base.encode(PROMPT), lambda: with_stack([Member(adapter, SCALE)])),
    }
    try:
        told(base, interleaved(actions, seconds=10, least=3, most=25))
    finally:
        ours.off(base)
