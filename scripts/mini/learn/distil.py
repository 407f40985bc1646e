"""The transformer's faster self, which paints in four steps.

A teacher walks from noise to pictures in many steps, guided; where it stands at the four levels is kept. The student
learns to go from each of these places to the next in one step, and without guidance.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scripts.mini.learn.flow import LARGE_EVERY, STEPS, Net, School, compiled, noise_like, paint, predicted, sigmas
from scripts.mini.learn.flownet import FlowNet
from scripts.mini.learn.loop import Lesson, Training
from scripts.mini.ledger import Ledger
from scripts.mini.lessons import LONGEST

__all__ = ["GUIDANCE", "Walks", "train_distilled", "walk"]

GUIDANCE = 3.5
"""How far the teacher goes beyond what no prompt gives."""
TEACHING = (2, 2, 3, 8)
"""Steps that the teacher makes of each of the four."""
CHOSEN = (0.25, 0.2, 0.2, 0.35)
"""How often each of the four is learnt."""


class Walks:
    """A teacher's ways of one size, in shards on disk.

    Attributes:
        places: (count, STEPS + 1, tokens, 64): where it stood, from noise to the picture.
        picked: (count, 2): what it was asked for, as `School.pick` numbers it.
    """

    def __init__(self, folder: Path, *, large: bool) -> None:
        shards = [np.load(path) for path in sorted(folder.glob("large-*.npz" if large else "small-*.npz"))]
        self.places: npt.NDArray[np.float16] = np.concatenate([shard["places"] for shard in shards])
        self.picked: npt.NDArray[np.int64] = np.concatenate([shard["picked"] for shard in shards])
        self.large, self.batch = large, len(shards[0]["picked"])

    def step(
        self, number: int, school: School, random: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, npt.NDArray[np.int64]]:
        """Where some stood before and after one of the steps, and what they were asked for."""
        rows = random.integers(0, len(self.places), self.batch)
        before, after = (
            torch.from_numpy(self.places[rows, place].astype(np.float32)).to(school.device)
            for place in (number, number + 1)
        )
        return before, after, self.picked[rows]


def walk(teacher: FlowNet, school: School, folder: Path, ledger: Ledger, counts: tuple[int, int]) -> None:
    """Have the teacher walk so many batches of small and of large pictures, but for those that are on disk."""
    folder.mkdir(exist_ok=True)
    wise = compiled(teacher)
    for large, count in enumerate(counts):
        for number in range(count):
            path = folder / f"{('small', 'large')[large]}-{number:04}.npz"
            if not path.exists():
                made = _walked(wise, school, np.random.default_rng([9, large, number]), large=bool(large))
                draft = path.with_suffix(".draft.npy")
                with draft.open("wb") as file:
                    np.savez(file, **made)
                draft.replace(path)
                ledger.tick("walks", now=True)


def train_distilled(net: FlowNet, school: School, walks: Path, ledger: Ledger, steps: int) -> None:
    """Train it, or take up a training that was stopped; its checkpoint lies beside the folder of walks."""
    quick = compiled(net)
    known = {large: Walks(walks, large=large) for large in (False, True)}

    def lesson(step: int) -> Lesson:
        random = np.random.default_rng([10, step])
        some, number = known[step % LARGE_EVERY == 0], int(random.choice(STEPS, p=CHOSEN))
        before, after, picked = some.step(number, school, random)
        levels = sigmas(before.shape[1])
        text = school.told(picked, LONGEST, large=some.large)
        level = torch.full((len(before),), levels[number], device=before.device)
        target = (before - after) / (levels[number] - levels[number + 1])
        lost = (predicted(quick, before, text, level) - target).square().mean()
        return lost, {f"step{number + 1}": float(lost.detach())}

    folder = walks.parent
    Training("distil", steps, net, lesson, folder, ledger, rate=6e-4, betas=(0.9, 0.98), average=0.995).run()


def _walked(wise: Net, school: School, random: np.random.Generator, *, large: bool) -> dict[str, Any]:
    lessons = school.large if large else school.small
    picked = school.pick(random, large=large)
    text, silent = school.told(picked, LONGEST, large=large), school.silence(len(picked))
    place = torch.zeros((len(picked), *lessons.latents.shape[1:]), device=school.device)
    place = noise_like(place, random)
    places = [place]
    for (now, after), steps in zip(pairwise(sigmas(place.shape[1])), TEACHING, strict=True):
        place = paint(wise, (text, silent), place, np.linspace(now, after, steps + 1).tolist(), GUIDANCE)
        places.append(place)
    kept = torch.stack(places, dim=1).cpu().numpy().astype(np.float16)
    return {"places": kept, "picked": picked}
