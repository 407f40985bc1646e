"""Healthy adapter files, one a number: a trainer, a model, a kind of update, some layers, a dtype and a strength, all
drawn.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np

from tests.trust.deltas import Change
from tests.trust.kinds import DRAWS, Drawn, Hand, draw_norm
from tests.trust.metadata import entries_of, packed, peft_fields, plain
from tests.trust.models import MODELS, Model, Norm, Unit
from tests.trust.storage import Stored, store
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
        file: Its name.
        beside: Other files of its folder.
    """

    label: str
    writer: Writer
    model: Model
    hand: Hand
    tensors: Mapping[str, Stored]
    metadata: Mapping[str, str] | None
    changes: Mapping[str, Change]
    modules: Sequence[Written] = field(default_factory=list)
    file: str = "healthy.safetensors"
    beside: Mapping[str, bytes] = field(default_factory=dict)

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
    prefix = str(numbers.choice(writer.prefixes))
    hand, config, beside = _hand(writer, prefix, numbers, rank, dtype, strength)
    modules: list[Written] = []
    tensors: dict[str, Stored] = {}
    changes: dict[str, Change] = {}
    for unit in _some(list(writer.units(model)), numbers, rank):
        drawn = DRAWS[_fitting(kind, unit, model)](unit, hand, numbers)
        _add(prefix, kind, unit, drawn, writer, tensors, changes, modules)
    _add_encoders(writer, model, hand, numbers, tensors, changes, modules)
    if writer.norms and numbers.random() < 0.5:
        _add_norms(writer, prefix, model, hand, numbers, tensors, changes)
    if writer.idle and numbers.random() < 0.3:
        _add_idle(modules, hand, tensors)
    label = f"{writer.name} for {model.name}: {kind}, rank {rank}, {dtype}, strength {strength:.1e}"
    if config is not None:
        metadata = {**(metadata or {}), **config}
    file = "adapter_model.safetensors" if beside else "healthy.safetensors"
    beside = {name: _naming(content, prefix, modules) for name, content in beside.items()}
    return AdapterDrawn(label, writer, model, hand, tensors, metadata, changes, modules, file, beside)


def _naming(config: bytes, prefix: str, modules: Sequence[Written]) -> bytes:
    """PEFT's config names the layers that it was made for: here by all of their names."""
    names = sorted({module.name.removeprefix(prefix) for module in modules})
    return json.dumps({**json.loads(config), "target_modules": names}).encode()


def _fitting(kind: str, unit: Unit, model: Model) -> str:
    """Kinds that a layer cannot have: a bias where the model has none, parts where there is one."""
    if kind in {"lora bias", "diff_b"} and model.name not in {"dev", "schnell"}:
        return "lora"
    if kind == "diagonal" and len(unit.parts) == 1:
        return "lora"
    if kind == "dora of inputs" and len(unit.parts) > 1:
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
    writer: Writer, prefix: str, numbers: Numbers, rank: int, dtype: str, strength: float
) -> tuple[Hand, Mapping[str, str] | None, Mapping[str, bytes]]:
    """How tensors are drawn; what the metadata says of alpha; and what stands beside the file."""
    where = str(numbers.choice(writer.alpha))
    value = float(numbers.choice([rank, rank / 2, 1.0, 2.0 * rank, 3.7]))
    if writer.zero_is_rank and numbers.random() < 0.03:
        value = 0.0
    plainly = Hand(
        *writer.pair,
        dtype,
        strength,
        rank,
        lambda *_: value if where == "tensor" else None,
        lambda *_: 1.0,
        writer.transposed,
        writer.zero_is_rank,
        writer.magnitude,
        writer.convolved,
    )
    if where in {"none", "tensor"} or (where == "config" and prefix != "base_model.model."):
        return plainly, None, {}
    rslora = where != "entries" and bool(numbers.random() < 0.3)
    patterns = _PATTERNS[int(numbers.integers(len(_PATTERNS)))] if where != "entries" else {}

    def said(name: str, rank: int) -> float:
        alpha = 3.0 if patterns and name.endswith(".attn.to_k") else value
        return alpha / (sqrt(rank) if rslora else rank)

    hand = replace(plainly, factor=said)
    fields = peft_fields(rank, value, rslora=rslora, patterns=patterns)
    if where == "config":
        return hand, None, {"adapter_config.json": json.dumps(fields).encode()}
    return hand, packed(fields) if where == "metadata" else plain(fields, "transformer."), {}


_PATTERNS: tuple[Mapping[str, float], ...] = ({}, {}, {"attn.to_k": 3.0}, {r".*\.attn\.(to_k|to_nothing)": 3.0})


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


def _add_idle(modules: list[Written], hand: Hand, tensors: dict[str, Stored]) -> None:
    """A bias of zeros beside every plain pair."""
    pairs = [module for module in modules if set(module.keys) <= {hand.down, hand.up, "alpha"}]
    for module in pairs:
        dtype = "F16" if hand.dtype.startswith("F8") else hand.dtype
        tensors[f"{module.name}.diff_b"] = store(np.zeros(module.unit.rows), dtype)


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
            drawn = DRAWS["lora"](unit, replace(hand, factor=lambda *_: 1.0), numbers)
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
