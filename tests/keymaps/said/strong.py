"""Files of pairs on five layers, of which something is said in one of the places where strength is said."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.zoo.write import write_tensors

__all__ = [
    "BARE",
    "BESIDE",
    "BESIDE_IT",
    "PACKED",
    "PLAIN",
    "PLAIN_BARE",
    "SHAPES",
    "said",
    "strength",
    "strengths",
    "write",
]

SHAPES = {
    "transformer_blocks.0.attn.to_q": (6, 8),
    "transformer_blocks.0.attn.to_k": (6, 8),
    "transformer_blocks.1.attn.to_q": (6, 8),
    "single_transformer_blocks.0.proj_out": (6, 8),
    "proj_out": (6, 8),
}
BESIDE_IT = "adapter_config.json beside the file"
PACKED, BARE, PLAIN, PLAIN_BARE, BESIDE = "packed", "bare", "plain", "plain and bare", "beside"


def said(where: str, config: Mapping[str, Any]) -> tuple[dict[str, str], Mapping[str, Any] | None]:
    """The metadata that says it, and the config beside the file."""
    prefix = "transformer." if where in (PACKED, PLAIN) else ""
    fields = {f"{prefix}{name}": value for name, value in config.items()}
    if where in (PACKED, BARE):
        return {PEFT_METADATA: json.dumps(fields)}, None
    if where == BESIDE:
        return {}, config
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}, None


def write(
    folder: Path,
    where: str,
    config: Mapping[str, Any],
    *,
    ranks: Mapping[str, int] | int = 2,
    more: Mapping[str, Any] | None = None,
    name: str = "adapter_model",
    metadata: Mapping[str, str] | None = None,
) -> tuple[Path, dict[str, float]]:
    """A file of pairs, and the norm of each product at strength 1."""
    numbers = np.random.default_rng(3)
    tensors: dict[str, Any] = dict(more or {})
    norms = {}
    for target, (rows, columns) in SHAPES.items():
        rank = ranks if isinstance(ranks, int) else ranks[target]
        down, up = (numbers.standard_normal(s).astype(np.float32) for s in ((rank, columns), (rows, rank)))
        tensors |= {f"transformer.{target}.lora_A.weight": down, f"transformer.{target}.lora_B.weight": up}
        norms[target] = float(np.linalg.norm(up.astype(float) @ down.astype(float)))
    entries, beside = said(where, config)
    if beside is not None:
        (folder / CONFIG).write_text(json.dumps(beside))
    path = folder / f"{name}.safetensors"
    return write_tensors(path, tensors, metadata={**entries, **(metadata or {})} or None), norms


def strengths(adapter: Adapter, norms: Mapping[str, float]) -> dict[str, float]:
    return {update.target: (update.norm or 0.0) / norms[update.target] for update in adapter.updates}


def strength(adapter: Adapter, norms: Mapping[str, float]) -> float:
    """That of every layer."""
    [one, *others] = strengths(adapter, norms).values()
    assert others == pytest.approx([one] * len(others))
    return one
