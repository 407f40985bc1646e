"""A small network that says what a picture shows and in which style. It learns from drawings and judges the model."""

from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mlx import nn
from mlx.optimizers import AdamW
from mlx.utils import tree_unflatten

from scripts.mini.draw.words import ATTRIBUTES, STYLES
from scripts.mini.model.arrays import loaded
from scripts.mini.train.ledger import Ledger
from scripts.mini.train.loop import Training, warmed
from scripts.mini.train.pool import LABELS, Drawings

__all__ = ["Classifier", "Verdicts", "judge", "kept_classifier", "train_classifier"]

FOLDS = (4, 2, 2)
WIDTHS = (40, 80, 128)
CLASSES = (*(len(values) for values in ATTRIBUTES.values()), len(STYLES))
BATCH = 48


class Classifier(nn.Module):
    """Folds a picture of 128 pixels to 32, 16 and 8, then looks at the mean and at the strongest of what is left."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        inner = (3, *WIDTHS[:-1])
        areas = [fold * fold * wide for fold, wide in zip(FOLDS, inner, strict=True)]
        self.folds = [nn.Linear(area, out) for area, out in zip(areas, WIDTHS, strict=True)]
        self.looks = [nn.Conv2d(out, out, kernel_size=3, padding=1) for out in WIDTHS]
        self.norms = [nn.LayerNorm(out) for out in WIDTHS]
        self.heads = [nn.Linear(2 * WIDTHS[-1], count) for count in CLASSES]

    def __call__(self, pictures: mx.array) -> list[mx.array]:
        """Scores of each attribute's values, (batch, values), for pictures (batch, 128, 128, 3) from -1 to 1."""
        x = pictures
        for fold, linear, look, norm in zip(FOLDS, self.folds, self.looks, self.norms, strict=True):
            x = nn.relu(linear(_folded(x, fold)))
            x = norm(x + nn.relu(look(x)))
        pooled = mx.concatenate([x.mean(axis=(1, 2)), x.max(axis=(1, 2))], axis=-1)
        return [head(pooled) for head in self.heads]


def _folded(x: mx.array, by: int) -> mx.array:
    """Squares of `by` by `by` pixels as one pixel with all their channels."""
    batch, height, width, channels = x.shape
    squares = x.reshape(batch, height // by, by, width // by, by, channels).transpose(0, 1, 3, 2, 4, 5)
    return squares.reshape(batch, height // by, width // by, by * by * channels)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Share of right answers by attribute, and of pictures about which all of them are right."""

    by_attribute: dict[str, float]
    whole: float

    @property
    def mean(self) -> float:
        """Share of right answers over all attributes of a picture but its style."""
        return sum(self.by_attribute[name] for name in ATTRIBUTES) / len(ATTRIBUTES)


def train_classifier(drawn: Drawings, folder: Path, ledger: Ledger, steps: int) -> Classifier:
    """Train it, or take up a training that was stopped."""
    mx.random.seed(1)
    model = Classifier()
    ready = unit(drawn.pictures)

    def batch(step: int) -> tuple[mx.array, ...]:
        random = np.random.default_rng([2, step])
        rows = random.integers(0, len(ready), BATCH)
        noise = random.normal(0, random.uniform(0, 0.12), (BATCH, 128, 128, 3)).astype(np.float32)
        shade = random.uniform(0.9, 1.1, (BATCH, 1, 1, 3)).astype(np.float32)
        return mx.array(_shifted(ready[rows], random) * shade + noise), mx.array(drawn.labels[rows])

    def loss(model: Classifier, pictures: mx.array, labels: mx.array) -> tuple[mx.array, dict[str, mx.array]]:
        scores = model(pictures)
        parts = [nn.losses.cross_entropy(s, labels[:, n], reduction="mean") for n, s in enumerate(scores)]
        return mx.stack(parts).sum(), dict(zip(LABELS, parts, strict=True))

    optimizer = AdamW(warmed(2e-3, steps), weight_decay=0.02)
    training = Training("classifier", steps, model, optimizer, batch, loss, folder, ledger, average=0.99)
    training.run()
    training.finish()
    return model


def kept_classifier(folder: Path) -> Classifier:
    """The one that a training left in its folder, whole or not."""
    kept = tree_unflatten(list(loaded(folder / "classifier.safetensors")[0].items()))
    model = Classifier()
    model.update(kept["mean"])
    mx.eval(model.state)
    return model


def judge(model: Classifier, drawn: Drawings) -> Verdicts:
    """How often it is right about pictures whose labels are known."""
    right = []
    for start in range(0, len(drawn.pictures), 100):
        scores = model(mx.array(unit(drawn.pictures[start : start + 100])))
        said = np.stack([np.array(score.argmax(axis=-1)) for score in scores], axis=1)
        right.append(said == drawn.labels[start : start + 100])
    hits = np.concatenate(right)
    by_attribute = {name: float(hits[:, number].mean()) for number, name in enumerate(LABELS)}
    return Verdicts(by_attribute, float(hits[:, : len(ATTRIBUTES)].all(axis=1).mean()))


def unit(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Bytes to numbers from -1 to 1."""
    return pictures.astype(np.float32) / 127.5 - 1.0


def _shifted(pictures: npt.NDArray[np.float32], random: np.random.Generator) -> npt.NDArray[np.float32]:
    """All of them moved by some pixels, so that no place is learnt by its pixel."""
    across, down = (int(value) for value in random.integers(-6, 7, 2))
    padded = np.pad(pictures, ((0, 0), (6, 6), (6, 6), (0, 0)), mode="edge")
    return padded[:, 6 + down : 134 + down, 6 + across : 134 + across]
