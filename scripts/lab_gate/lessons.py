"""What PyTorch learns with: the shipped model's weights, and what its encoder makes of the captions. MLX stays here."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from scripts.lab_gate.recipes import RECIPES, motifs, sentence
from scripts.mini.draw.captions import plain
from scripts.mini.lessons import NOTHING
from scripts.mini.model.arrays import named
from scripts.mini.model.directory import load_tokenizer, read_directory
from scripts.mini.shipped import MODEL
from scripts.mini.sizes import SHOWN
from scripts.mini.train.captions import understood
from scripts.mini.train.language import Reader

__all__ = ["write_lessons"]

_CONVOLUTION = 4


def write_lessons(folder: Path) -> None:
    """Everything but the drawings, unless it is there."""
    done = folder / "said.json"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    parts, sizes = read_directory(MODEL)
    _export(parts.transformer, folder / "net.safetensors")
    _export(parts.vae, folder / "vae.safetensors", but=("bn.",))
    norm: Any = parts.vae
    mean, variance = np.array(norm.bn.running_mean)[:SHOWN], np.array(norm.bn.running_var)[:SHOWN]
    np.savez(folder / "norm.npz", mean=mean, variance=variance)
    plains = [plain(motif) for motif in motifs()]
    said = list(dict.fromkeys([NOTHING, *plains, *(sentence(recipe, text) for recipe in RECIPES for text in plains)]))
    states, prompts = understood(Reader(parts.encoder, sizes.encoder), load_tokenizer(MODEL), said)
    np.savez(folder / "said.npz", states=states, lengths=prompts.lengths)
    done.write_text(json.dumps(said))


def _export(module: Any, path: Path, but: tuple[str, ...] = ()) -> None:
    kept = {}
    for name, value in named(module.parameters()).items():
        if name.endswith("inv_freq") or (but and name.startswith(but)):
            continue
        wide = value.astype(mx.float32)
        kept[name] = mx.contiguous(wide.transpose(0, 3, 1, 2)) if wide.ndim == _CONVOLUTION else wide
    mx.save_safetensors(str(path), kept)
