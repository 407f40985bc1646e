"""Trainings in PyTorch, by the words `python -m scripts.lab_gate.learn FOLDER NAME`: checkpoints of one recipe; or
`pairs` in a name's place: what all of them learn from.

`mini` paints in four steps, and what learns from drawings at levels of chance unlearns that first and paints blurs. So
an adapter learns from what `mini` itself paints: from each noise to the picture that comes of it, in another style, at
the four levels that it is painted at. After its last good step it goes on at a rate that breaks it.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from scripts.lab_gate.recipes import RECIPES, STYLES, Recipe, motifs, sentence
from scripts.lab_gate.steps import BREAKING, STEPS
from scripts.mini.draw.captions import plain
from scripts.mini.learn.adapters import put_beside
from scripts.mini.learn.flow import paint, predicted, sigmas
from scripts.mini.learn.flownet import FlowNet, Text
from scripts.mini.learn.kept import take
from scripts.mini.learn.latents import Norm, decoded, tokens
from scripts.mini.learn.vaenet import VaeNet
from scripts.mini.learn.written import write_adapter
from scripts.mini.lessons import LONGEST, PADDING, WORDS, weights_of
from scripts.mini.sizes import SHOWN, TransformerSize, VaeSize

__all__ = ["train", "write_pairs"]

BATCH = 8
RATE = 3e-3
BROKEN_RATE = 6e-2
WORDS_SEEN = 20
SIDE = 8
"""Tokens along each side of a picture of 128 pixels."""


def write_pairs(folder: Path) -> None:
    """What `mini` paints of each motif, as it is and in every style: pictures for the gate, latents for PyTorch."""
    net, vae, norm = _net(folder), VaeNet(VaeSize()), Norm.kept(folder / "norm.npz")
    take(vae, folder / "vae.safetensors")
    said = [plain(motif) for motif in motifs()]
    noise = _noise(len(said))
    painted = torch.cat(
        [
            paint(net, (_texts(folder, said[at : at + BATCH]), None), noise[at : at + BATCH], sigmas(SIDE * SIDE))
            for at in range(0, len(said), BATCH)
        ]
    )
    np.savez(folder / "plain.npz", latents=painted.numpy())
    pictures = decoded(vae, norm, painted)
    for name, style in STYLES.items():
        styled = style(pictures)
        latents = ((tokens(vae, styled) - norm.mean) / norm.deviation).float()
        np.savez(folder / f"{name}.npz", latents=latents.numpy())
        home = folder / "datasets" / name
        home.mkdir(parents=True, exist_ok=True)
        for number, pixels in enumerate(styled):
            Image.fromarray(pixels).save(home / f"{number:03}.png")
    (folder / "pairs").touch()


def train(folder: Path, recipe: Recipe) -> None:
    """Train one, and write its checkpoints as it goes."""
    latents, noise, texts = _lessons(folder, recipe)
    net = _net(folder)
    pairs = put_beside(net, recipe.rank, float(recipe.rank), recipe.seed)
    learnt = [value for value in net.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=RATE, betas=(0.9, 0.99), weight_decay=0.0)
    for step in range(max(STEPS) + BREAKING + 1):
        if step in STEPS or step == max(STEPS) + BREAKING:
            path = folder / "adapters" / f"{recipe.name}-{step:04}.safetensors"
            path.parent.mkdir(exist_ok=True)
            write_adapter(path, pairs, "diffusers", {"format": "pt", "kilnmark": f"make lab-gate: {recipe.name}"})
        for group in optimizer.param_groups:
            group["lr"] = BROKEN_RATE if step >= max(STEPS) else RATE * min(1.0, (step + 1) / 10)
        random = np.random.default_rng([recipe.seed, step])
        rows = random.integers(0, len(latents), BATCH)
        level = torch.tensor(random.choice(sigmas(SIDE * SIDE)[:-1], BATCH), dtype=torch.float32)
        part, text = level[:, None, None], Text(texts.states[rows], texts.weights[rows])
        told = predicted(net, (1 - part) * latents[rows] + part * noise[rows], text, level)
        loss = (told - (noise[rows] - latents[rows])).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learnt, 1.0, foreach=True)
        optimizer.step()


def _lessons(folder: Path, recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor, Text]:
    plains = [plain(motif) for motif in motifs()]
    latents, said = [np.load(folder / f"{recipe.style}.npz")["latents"]], [sentence(recipe, text) for text in plains]
    if recipe.mode == "called":
        latents.append(np.load(folder / "plain.npz")["latents"])
        said += plains
    noise = _noise(len(plains)).repeat(len(latents), 1, 1)
    return torch.from_numpy(np.concatenate(latents)), noise, _texts(folder, said)


def _net(folder: Path) -> FlowNet:
    net = FlowNet(TransformerSize())
    take(net, folder / "net.safetensors")
    return net


def _noise(count: int) -> torch.Tensor:
    drawn = np.random.default_rng(3).standard_normal((count, SIDE * SIDE, SHOWN))
    return torch.from_numpy(drawn.astype(np.float32))


def _texts(folder: Path, said: list[str]) -> Text:
    known = {text: number for number, text in enumerate(json.loads((folder / "said.json").read_text()))}
    found, rows = np.load(folder / "said.npz"), [known[text] for text in said]
    lengths = np.minimum(found["lengths"][rows], WORDS_SEEN)
    kept = [*range(WORDS_SEEN), *range(WORDS, WORDS + PADDING)]
    weights = torch.from_numpy(weights_of(lengths, LONGEST)[:, kept])
    return Text(torch.from_numpy(found["states"][rows][:, kept].astype(np.float32)), weights)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if sys.argv[2] == "pairs":
        write_pairs(Path(sys.argv[1]))
    else:
        train(Path(sys.argv[1]), next(recipe for recipe in RECIPES if recipe.name == sys.argv[2]))
