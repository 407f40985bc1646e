"""Training of the small network that says what a picture shows and in which style. The judge reads what it learnt.

Its parameters are named as those of `scripts.mini.model.classifier.Classifier`, which is the same network in mlx.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from scripts.mini.learn.loop import Lesson, Training, seat
from scripts.mini.ledger import Ledger
from scripts.mini.pool import CLASSES, FOLDS, LABELS, LOOKS, Drawings

__all__ = ["ClassifierNet", "train_classifier"]

BATCH = 48
MOVED = 6
"""Pixels that a picture is moved by at most, so that no place is learnt by its pixel."""


class ClassifierNet(nn.Module):
    """Folds a picture of 128 pixels to 32, 16 and 8, then looks at the mean and at the strongest of what is left."""

    def __init__(self) -> None:
        super().__init__()
        inner = (3, *LOOKS[:-1])
        areas = [fold * fold * wide for fold, wide in zip(FOLDS, inner, strict=True)]
        self.folds = nn.ModuleList(nn.Linear(area, out) for area, out in zip(areas, LOOKS, strict=True))
        self.looks = nn.ModuleList(nn.Conv2d(out, out, 3, padding=1) for out in LOOKS)
        self.norms = nn.ModuleList(nn.LayerNorm(out) for out in LOOKS)
        self.heads = nn.ModuleList(nn.Linear(2 * LOOKS[-1], count) for count in CLASSES)

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Scores of each attribute's values, (batch, values), for pictures (batch, 128, 128, 3) from -1 to 1."""
        x = pictures
        for fold, linear, look, norm in zip(FOLDS, self.folds, self.looks, self.norms, strict=True):
            squares = x.unflatten(2, (-1, fold)).unflatten(1, (-1, fold)).transpose(2, 3)
            x = functional.relu(linear(squares.flatten(3)))
            x = norm(x + functional.relu(look(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1))
        pooled = torch.cat([x.mean(dim=(1, 2)), x.amax(dim=(1, 2))], dim=-1)
        return [head(pooled) for head in self.heads]


def train_classifier(net: ClassifierNet, drawn: Drawings, folder: Path, ledger: Ledger, steps: int) -> None:
    """Train it, or take up a training that was stopped."""

    def lesson(step: int) -> Lesson:
        random = np.random.default_rng([2, step])
        rows = random.integers(0, len(drawn.pictures), BATCH)
        seen = torch.from_numpy(_moved(drawn.pictures[rows], random)).float() / 127.5 - 1.0
        shade = torch.from_numpy(random.uniform(0.9, 1.1, (BATCH, 1, 1, 3)).astype(np.float32))
        noise = random.uniform(0, 0.12) * torch.randn(seen.shape, generator=torch.Generator().manual_seed(step))
        labels = torch.from_numpy(drawn.labels[rows]).long().to(seat(net))
        shown = (seen * shade + noise).to(seat(net))
        with torch.autocast(shown.device.type, torch.bfloat16):
            scores = net(shown)
        parts = [functional.cross_entropy(score.float(), labels[:, n]) for n, score in enumerate(scores)]
        return torch.stack(parts).sum(), {name: float(part.detach()) for name, part in zip(LABELS, parts, strict=True)}

    Training("classifier", steps, net, lesson, folder, ledger, rate=2e-3, decay=0.02, average=0.99).run()


def _moved(pictures: npt.NDArray[np.uint8], random: np.random.Generator) -> npt.NDArray[np.uint8]:
    across, down = (int(value) for value in random.integers(-MOVED, MOVED + 1, 2))
    padded = np.pad(pictures, ((0, 0), (MOVED, MOVED), (MOVED, MOVED), (0, 0)), mode="edge")
    high, wide = pictures.shape[1:3]
    return padded[:, MOVED + down : MOVED + down + high, MOVED + across : MOVED + across + wide]
