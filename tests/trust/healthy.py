"""Healthy adapter files, one a number: a trainer, a model, a kind of update, some layers, a dtype and a strength, all
drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from tests.trust.deltas import Change
from tests.trust.kinds import DRAWS, Drawn, Hand, draw_norm
from tests.trust.metadata import entries_of, peft_config
from tests.trust.models import MODELS, Model, Norm, Unit
from tests.trust.storage import Stored
from tests.trust.writers import WRITERS, Writer

__all__ = ["AdapterDrawn", "Written", "draw_healthy"]

Numbers = np.random.Generator

_BY_NAME = {model.name: model for model in MODELS}
_DTYPES = (("F16", 0.34), ("BF16", 0.3), ("F32", 0.26), ("F64", 0.03), ("F8_E4M3", 0.04), ("F8_E5M2", 0.03))
_RANKS = ((1, 0.3), (2, 0.22), (4, 0.24), (8, 0.12), (16, 0.07), (32, 0.03), (64, 0.01), (128, 0.01))


@dataclass(frozen=True, eq=False)
class Written:
    """One module of a file.

    Attributes:
        name: With its prefix, as it stands in the file.
        unit: What it is.
        kind: Of its update.
        keys: Names of its tensors, by suffix.
    """

    name: str
    unit: Unit
    kind: str
    keys: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class AdapterDrawn:
    """A file before it is written.

    Attributes:
        label: Who writes so, for which model, with what.
        writer, model, hand: As drawn.
        tensors: By name.
        metadata: None writes none.
        changes: By target, as it is true.
        modules: All, norms excepted.
        has_magnitudes: Some of its updates are decomposed.
    """

    label: str
    writer: Writer
    model: Model
    hand: Hand
    tensors: Mapping[str, Stored]
    metadata: Mapping[str, str] | None
    changes: Mapping[str, Change]
    modules: Sequence[Written] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.tensors)


def _weighted(numbers: Numbers, table: Sequence[tuple[object, float]]) -> object:
    weights = np.array([weight for _, weight in table])
    return table[int(numbers.choice(len(table), p=weights / weights.sum()))][0]


def draw_healthy(numbers: Numbers) -> AdapterDrawn:
    """One file of the many that there are."""
    writer = WRITERS[int(numbers.integers(len(WRITERS)))]
    model = _BY_NAME[str(numbers.choice(writer.models))]
    kind = str(numbers.choice(writer.kinds)) if writer.kinds and numbers.random() < 0.6 else "lora"
    rank = int(str(_weighted(numbers, _RANKS)))
    rank = min(rank, 8) if kind.startswith("loha") else rank
    dtype = str(_weighted(numbers, _DTYPES))
    strength = float(10 ** numbers.uniform(0 if dtype.startswith("F8") else -3, 1))
    metadata = entries_of(writer.metadata, model, numbers, rank)
    hand, config = _hand(writer, numbers, rank, dtype, strength)
    modules: list[Written] = []
    tensors: dict[str, Stored] = {}
    changes: dict[str, Change] = {}
    prefix = str(numbers.choice(writer.prefixes))
    for unit in _some(list(writer.units(model)), numbers, rank):
        drawn = DRAWS[_fitting(kind, unit, model)](unit, hand, numbers)
        _add(prefix, kind, unit, drawn, writer, tensors, changes, modules)
    _add_encoders(writer, model, hand, numbers, tensors, changes, modules)
    if writer.norms and numbers.random() < 0.5:
        _add_norms(writer, prefix, model, hand, numbers, tensors, changes)
    label = f"{writer.name} for {model.name}: {kind}, rank {rank}, {dtype}, strength {strength:.1e}"
    if config is not None:
        metadata = {**(metadata or {}), **config}
    return AdapterDrawn(label, writer, model, hand, tensors, metadata, changes, modules)


def _fitting(kind: str, unit: Unit, model: Model) -> str:
    """Kinds that a layer cannot have: a bias where the model has none, parts where there is one."""
    if kind in {"lora bias", "diff_b"} and model.name not in {"dev", "schnell"}:
        return "lora"
    if kind == "diagonal" and len(unit.parts) == 1:
        return "lora"
    if kind == "oft" and unit.rows % 32:
        return "lora"
    return kind


def _some(units: list[Unit], numbers: Numbers, rank: int) -> list[Unit]:
    """Groups of layers, kinds of blocks, and some blocks of each; few where the rank is high."""
    groups = sorted({unit.group for unit in units})
    stacks = sorted({unit.stack for unit in units})
    kept = {str(group) for group in numbers.choice(groups, int(numbers.integers(1, len(groups) + 1)), replace=False)}
    where = {str(stack) for stack in numbers.choice(stacks, int(numbers.integers(1, len(stacks) + 1)), replace=False)}
    chosen = [unit for unit in units if unit.group in kept and unit.stack in where] or units
    if rank == 1 and numbers.random() < 0.01:
        return chosen
    blocks = sorted({(unit.stack, unit.block) for unit in chosen})
    some = numbers.choice(len(blocks), min(len(blocks), int(numbers.integers(1, 4))), replace=False)
    inside = {blocks[int(place)] for place in some}
    found = [unit for unit in chosen if (unit.stack, unit.block) in inside]
    most = max(2, min(14, 64 // rank))
    places = sorted(numbers.choice(len(found), min(most, len(found)), replace=False))
    return [found[int(place)] for place in places]


def _hand(
    writer: Writer, numbers: Numbers, rank: int, dtype: str, strength: float
) -> tuple[Hand, Mapping[str, str] | None]:
    where = str(numbers.choice(writer.alpha))
    choices = [rank, rank / 2, 1.0, 2.0 * rank, 3.7]
    value = float(numbers.choice(choices))
    if writer.zero_is_rank and numbers.random() < 0.03:
        value = 0.0
    if where == "metadata":
        rslora, pattern = bool(numbers.random() < 0.3), {"attn.to_k": 3.0} if numbers.random() < 0.3 else {}

        def said(name: str, rank: int) -> float:
            alpha = 3.0 if pattern and f".{name}".endswith(".attn.to_k") else value
            return alpha / (sqrt(rank) if rslora else rank)

        config = peft_config(rank, value, rslora=rslora, patterns=pattern)
        return Hand(*writer.pair, dtype, strength, rank, lambda *_: None, said, writer.transposed), config
    inside = value if where == "tensor" else None
    hand = Hand(
        *writer.pair,
        dtype,
        strength,
        rank,
        lambda *_: inside,
        lambda *_: 1.0,
        writer.transposed,
        writer.zero_is_rank,
    )
    return hand, None


def _add(
    prefix: str,
    kind: str,
    unit: Unit,
    drawn: Drawn,
    writer: Writer,
    tensors: dict[str, Stored],
    changes: dict[str, Change],
    modules: list[Written],
) -> None:
    name = writer.written(prefix, unit.name)
    keys = {suffix: f"{name}.{suffix}" for suffix in drawn.tensors}
    tensors.update({keys[suffix]: tensor for suffix, tensor in drawn.tensors.items()})
    changes.update(drawn.changes)
    modules.append(Written(name, unit, kind, keys))


def _add_encoders(
    writer: Writer,
    model: Model,
    hand: Hand,
    numbers: Numbers,
    tensors: dict[str, Stored],
    changes: dict[str, Change],
    modules: list[Written],
) -> None:
    """Pairs for a few layers of each text encoder that was trained."""
    for encoder, prefix in writer.encoders.items():
        units = model.encoders.get(encoder)
        if not units or numbers.random() > 0.12:
            continue
        for place in numbers.choice(len(units), 3, replace=False):
            unit = units[int(place)]
            plain = Hand(hand.down, hand.up, hand.dtype, hand.strength, hand.rank, hand.alpha, lambda *_: 1.0)
            drawn = DRAWS["lora"](unit, plain if hand.alpha(unit.name, 1) is None else hand, numbers)
            _add(prefix, "lora", unit, drawn, writer, tensors, changes, modules)


def _add_norms(
    writer: Writer,
    prefix: str,
    model: Model,
    hand: Hand,
    numbers: Numbers,
    tensors: dict[str, Stored],
    changes: dict[str, Change],
) -> None:
    norms: Sequence[Norm] = model.norms
    for place in numbers.choice(len(norms), 2, replace=False):
        norm = norms[int(place)]
        name = writer.written(prefix, writer.norm_name(norm))
        stored, change = draw_norm(norm, hand, numbers, replaces=False)
        tensors[f"{name}.{writer.norms}"] = stored
        changes[norm.target] = change
