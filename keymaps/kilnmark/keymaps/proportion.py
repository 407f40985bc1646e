"""How large an adapter's updates are beside the weights that they change: the bounds, and a typical base.

The bounds are the same with a base and without one. Here nothing is asked of a base: a typical one stands in for it,
with a margin wide enough that no verdict rests on how far the true one differs. What is judged of it is protocol's to
know.
"""

import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field

from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.names.shapes import Shapes, is_norm
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.protocol.picture.evidence import Thresholds

__all__ = [
    "LOST_RATIO",
    "OVERWHELMING_RATIO",
    "USUAL_RATIO",
    "VANISHING_RATIO",
    "Proportion",
    "before_a_base",
    "loudest_of",
    "proportion_of",
    "root_mean_square",
]

LOST_RATIO = 2.0**-24
"""Of one layer's update to the layer's weight, as Frobenius norms: below it the sum is the weight again.

Half the distance from 1 to the next number of float32, so that adding it rounds to nothing.
"""

VANISHING_RATIO = 1e-6
"""Delta ratio of a whole adapter below which no pixel changes: a forward pass then differs by under 2e-6, which is what
the order of float32's own sums amounts to over 57 blocks."""

OVERWHELMING_RATIO = 0.5
"""Delta ratio above which an adapter changes more than any trained one is known to: no reason to refuse.

Known are 0.11 at rank 4 and 0.058 at rank 64 (Hu et al., 2021, arXiv 2106.09685, table 7: 6.91 and 3.57 beside 61.95).
sd-scripts bounds the norm of each layer's update by `scale_weight_norms`; 1 is advised (kohya-ss/sd-scripts#545), and
a bound of 10 is called one that nobody uses (bmaltais/kohya_ss#1272): 0.018 and 0.18 of a layer 3072 wide. A forward
pass differs by 1.8 times the ratio, so that at 0.5 what the base predicts is gone.
"""

USUAL_RATIO = 0.05
"""What the delta ratio of trained adapters usually is: the middle of those above."""


_SEVERAL, _NEARLY_ALL = 4, 0.9
"""Layers, and the share of the sum of their squared norms, from which one of them stands for all."""


class _Typical(BaseModel):
    """`typical.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    linear: float = Field(gt=0)
    norm: float = Field(gt=0)
    margin: float = Field(ge=1)
    spread: float = Field(ge=1)


@cache
def _typical() -> _Typical:
    text = (files("kilnmark.keymaps.names") / "typical.yaml").read_text(encoding="utf-8")
    return _Typical.model_validate(yaml.safe_load(text))


@cache
def before_a_base() -> Thresholds:
    """The bounds, for what is known before a base has been asked."""
    return Thresholds(
        vanishing_ratio=VANISHING_RATIO / _typical().margin,
        overwhelming_ratio=OVERWHELMING_RATIO * _typical().spread,
        usual_ratio=USUAL_RATIO,
    )


class Proportion(NamedTuple):
    """Of one adapter at one scale, to a typical base.

    Attributes:
        ratio: Frobenius norm of what it changes over that of the weights, over the targets where that can be told
            without a base; None where there are none, and where it is so small that the others may be all of it.
        vanished: Targets whose update would be lost on any base.
        loudest: As `loudest_of` has it.
    """

    ratio: float | None
    vanished: tuple[str, ...]
    loudest: tuple[str, float] = ("", 0.0)


def proportion_of(adapter: Adapter, shapes: Shapes, scale: float = 1.0) -> Proportion:
    """Measure an adapter against a typical base.

    Args:
        adapter: As it was read for the model.
        shapes: The model's layers.
        scale: That it would be applied at.
    """
    told = [(update.target, abs(scale) * norm) for update in adapter.updates if (norm := update.whole_norm) is not None]
    weights = [_weight(shapes[target]) for target, _ in told]
    lost = LOST_RATIO / _typical().margin
    targets, norms = [target for target, _ in told], [norm for _, norm in told]
    vanished = (target for (target, norm), weight in zip(told, weights, strict=True) if norm < lost * weight)
    ratio = math.hypot(*norms) / math.hypot(*weights) if told else None
    if ratio is not None and ratio < VANISHING_RATIO and len(told) < len(adapter.updates):
        ratio = None
    return Proportion(ratio, tuple(vanished), loudest_of(targets, norms, weights))


def loudest_of(targets: Sequence[str], norms: Sequence[float], weights: Sequence[float]) -> tuple[str, float]:
    """The layer that nearly all of an adapter's change is in, and the size of that beside the layer's own weight.

    Args:
        targets: Layers that it changes.
        norms, weights: Of what it changes of each, and of each one's weight.

    Returns:
        An empty name and 0 where there are too few layers to say so, or no one has nearly all.
    """
    if len(targets) < _SEVERAL:
        return "", 0.0
    place = max(range(len(norms)), key=norms.__getitem__)
    alone = norms[place] ** 2 > _NEARLY_ALL * math.fsum(norm**2 for norm in norms)
    return (targets[place], norms[place] / weights[place]) if alone and weights[place] else ("", 0.0)


def root_mean_square(update: AnyUpdate, shapes: Shapes) -> float | None:
    """Size of an update an element of its layer's weight, at scale 1; None where only a base can tell."""
    return None if update.norm is None else update.norm / math.sqrt(math.prod(shapes[update.target]))


def _weight(shape: tuple[int, int]) -> float:
    """Frobenius norm of a typical layer's weight."""
    typical = _typical()
    return (typical.norm if is_norm(shape) else typical.linear) * math.sqrt(shape[0])
