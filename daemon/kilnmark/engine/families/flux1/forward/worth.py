"""Whether blocks are worth compiling on this machine: measured on one of the base's own, not known from a list.

Compiling was measured to take a fifth off a step on a fast GPU, and to slow down others: mflux itself leaves it off on
M1 and M2. What the answer is used for is not decided here.
"""

import logging
import time
from collections.abc import Callable
from functools import partial

import mlx.core as mx
from mflux.models.flux.model.flux_transformer.transformer import Transformer

from kilnmark.engine.compute import backend
from kilnmark.engine.families.flux1.forward.blocks import Heads, single_block, single_layers
from kilnmark.engine.families.flux1.forward.rotary import turn_of
from kilnmark.engine.families.traces import Shared, Traces

__all__ = ["BUDGET_S", "LEAST_GAIN", "is_worth_compiling", "measured_gain", "times_quicker"]

log = logging.getLogger(__name__)

BUDGET_S = 1.0
"""For all rounds together, in seconds. What comes before them, one pass of each to warm up, takes as long as two."""
ROUNDS = 7
LEAST_GAIN = 1.02
"""Times quicker that compiled blocks must be: less is noise, and a trace costs memory."""

_SIDE = 22
"""Tokens of the measured picture, each way: 484, which is work enough for a GPU and little for a small one."""
_TEXT = 28


def is_worth_compiling(transformer: Transformer, heads: Heads) -> bool:
    """Whether compiled blocks are quicker than plain ones, here and on this base.

    On a CPU the answer is no and nothing is measured: MLX calls a C++ compiler for every kernel there, a second each,
    and what they made was never quicker. On a GPU kernels are made once a machine, and needed by the first picture if
    the answer is yes; where they cannot be made, the answer is no.

    Args:
        transformer: Held; with or without a stack.
        heads: As its blocks have them.
    """
    if backend() == "cpu":
        return False
    try:
        gain = measured_gain(transformer, heads)
    except RuntimeError as error:  # as MLX says that a kernel cannot be made
        log.warning("blocks are not compiled, since one of them could not be: %s", error)
        return False
    log.info("a compiled block is %.2f times as quick as a plain one; %.2f is worth it", gain, LEAST_GAIN)
    return gain >= LEAST_GAIN


def measured_gain(transformer: Transformer, heads: Heads) -> float:
    """How many times as quick the first single block is when it is compiled, at a small size."""
    layers = single_layers(transformer.single_transformer_blocks[0])
    width = heads.number * sum(transformer.pos_embed.axes_dim)
    turning = turn_of(transformer.pos_embed, _TEXT, _SIDE, _SIDE)
    stream, modulation = (
        mx.random.normal((*shape, width), key=mx.random.key(0)) for shape in ((1, _TEXT + _SIDE**2), (3,))
    )
    mx.eval(turning, stream, modulation)
    shared = Shared(partial(single_block, heads), Traces())
    plain, compiled = (shared.bound(layers, compiled=compiled) for compiled in (False, True))
    return times_quicker(
        lambda: mx.eval(plain(stream, modulation, turning)), lambda: mx.eval(compiled(stream, modulation, turning))
    )


def times_quicker(
    one: Callable[[], None], other: Callable[[], None], *, clock: Callable[[], float] = time.perf_counter
) -> float:
    """The best time of `one` over the best time of `other`, taken in turns after one pass of each.

    Args:
        one: What is measured.
        other: What it is measured against.
        clock: Seconds.
    """
    one()
    other()
    best = [float("inf"), float("inf")]
    end = clock() + BUDGET_S
    for _ in range(ROUNDS):
        for place, each in enumerate((one, other)):
            began = clock()
            each()
            best[place] = min(best[place], clock() - began)
        if clock() >= end:
            break
    return best[0] / best[1]
