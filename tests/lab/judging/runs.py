"""Runs that are ready to be judged, by a daemon in the test's own process and a fake judge over HTTP."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save

from kilnmark.client import Client
from kilnmark.client.testing import fake_daemon
from kilnmark.lab.judging.judge import JudgeWishes, judge_run
from kilnmark.lab.judging.report import JudgementReport
from kilnmark.lab.run.folder import open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import BudgetPlan, DatasetPlan, JudgePlan, Prompt, RunPlan
from kilnmark.lab.run.progress import Came, nobody
from kilnmark.lab.run.state import Checkpoint

__all__ = ["PROMPT", "judged", "make_judgeable", "painter"]

PROMPT = Prompt(role="familiar", text="inkwash, a mill")


def make_judgeable(folder: Path, steps: tuple[int, ...] = (100,), limit: float = 10.0, **judge: Any) -> Path:
    """A run with checkpoints, of which the only one is to be judged, beside a dataset of four pictures."""
    random = np.random.default_rng(1)
    (folder / "set").mkdir(parents=True, exist_ok=True)
    for at in range(4):
        Image.fromarray(random.integers(0, 255, (48, 64, 3), np.uint8)).save(folder / "set" / f"{at}.png")
    given: dict[str, Any] = {"prompts": (PROMPT,), "seeds": (1, 2), "numbers": {"width": 64, "height": 64, "steps": 1}}
    plan = RunPlan(
        name="ink",
        kind="style",
        trigger="inkwash",
        base="mini",
        dataset=DatasetPlan(path="../set"),
        judge=JudgePlan(**(given | judge)),
        budget=BudgetPlan(limit=limit),
    )
    run = folder / "ink"
    new_run(run, plan)
    (run / "checkpoints").mkdir()
    with open_run(run) as held:
        held.change(checkpoints=tuple(_checkpoint(run, step) for step in steps))
    return run


def _checkpoint(run: Path, step: int) -> Checkpoint:
    layer = "transformer.transformer_blocks.0.attn.to_q"
    pair = {
        f"{layer}.lora_A.weight": np.full((2, 8), step, np.float32),
        f"{layer}.lora_B.weight": np.ones((8, 2), np.float32),
    }
    data = save(pair)
    (run / "checkpoints" / f"{step}.safetensors").write_bytes(data)
    return Checkpoint(
        step=step,
        file=f"checkpoints/{step}.safetensors",
        sha256=hashlib.sha256(data).hexdigest(),
        origin="trained",
        verdict="engaged",
        matched_key_count=2,
        total_key_count=2,
    )


@contextmanager
def painter(root: Path) -> Iterator[Client]:
    """A daemon whose pictures are a fake's, and which reads adapters below a folder."""
    with fake_daemon(lora_roots=(root,), variant="mini") as daemon, Client(daemon.socket) as client:
        yield client


def judged(
    run: Path, client: Client, told: list[str] | None = None, came: Came = nobody, **wishes: Any
) -> JudgementReport:
    """Judge it, as the command does."""
    with open_run(run) as held:
        return judge_run(held, client, JudgeWishes(**wishes), (told if told is not None else []).append, came)
