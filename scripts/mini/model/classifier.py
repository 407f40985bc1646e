"""A small network that says what a picture shows and in which style. It learnt from drawings, in
`scripts.mini.learn.classifier`, and judges what the model paints.
"""

from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mlx import nn

from scripts.mini.draw.words import ATTRIBUTES
from scripts.mini.model.carried import carry
from scripts.mini.pool import CLASSES, FOLDS, LABELS, LOOKS, Drawings

__all__ = ["Classifier", "Verdicts", "judge", "kept_classifier", "unit"]


class Classifier(nn.Module):
    """Folds a picture of 128 pixels to 32, 16 and 8, then looks at the mean and at the strongest of what is left."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        inner = (3, *LOOKS[:-1])
        areas = [fold * fold * wide for fold, wide in zip(FOLDS, inner, strict=True)]
        self.folds = [nn.Linear(area, out) for area, out in zip(areas, LOOKS, strict=True)]
        self.looks = [nn.Conv2d(out, out, kernel_size=3, padding=1) for out in LOOKS]
        self.norms = [nn.LayerNorm(out) for out in LOOKS]
        self.heads = [nn.Linear(2 * LOOKS[-1], count) for count in CLASSES]

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


def kept_classifier(path: Path) -> Classifier:
    """The one that was trained, from its file."""
    model = Classifier()
    carry(path, model)
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
