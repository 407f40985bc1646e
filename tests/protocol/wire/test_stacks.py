"""Stacks as requests ask for them: those of known files, of any length that can be asked for."""

import pytest

from kilnmark.protocol.wire.requests import RenderParams, check_render
from kilnmark.protocol.wire.stacks import EXTRA_LIMIT, STACK_LIMIT, ExtraLora, asked_by_paths


@pytest.mark.parametrize("count", [0, 1, STACK_LIMIT, STACK_LIMIT + 1, STACK_LIMIT + EXTRA_LIMIT])
def test_a_stack_that_is_longer_than_its_field_goes_on_behind_it_in_its_order(count: int) -> None:
    paths, scales = [f"/{number}" for number in range(count)], [float(number % 7) for number in range(count)]
    blocks = [{"double": 0.5} if number == count - 1 else {} for number in range(count)]
    params = RenderParams(prompt="a kiln", **asked_by_paths(paths, scales, blocks))
    check_render(params)
    own = params.lora_block_scales or [{} for _ in params.lora_paths]
    behind = [(each.path, each.scale, each.block_scales) for each in params.extra_loras]
    sent = [*zip(params.lora_paths, params.lora_scales, own, strict=True), *behind]
    assert sent == list(zip(paths, scales, blocks, strict=True))
    assert len(params.lora_paths) == min(count, STACK_LIMIT)


def test_one_that_fits_says_nothing_of_blocks_or_of_more() -> None:
    assert asked_by_paths(["/a"], [1.0]) == {"lora_paths": ["/a"], "lora_scales": [1.0]}
    assert asked_by_paths(["/a"] * 33, [1.0] * 33)["extra_loras"] == [ExtraLora(path="/a")]
