"""What the demonstration decides: its run's plan, and the pack of the genre that its adapter is to serve in."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import yaml

from kilnmark.lab.demo.prints import TRIGGER
from kilnmark.lab.demo.scenes import scenes
from kilnmark.lab.gate.limits import limits_of
from kilnmark.lab.run.plan import DatasetPlan, JudgePlan, Prompt, RunPlan, SweepPlan, TrainingPlan
from kilnmark.lab.run.verify_plan import VerifyPlan
from kilnmark.lab.training.proposed import proposed_training

__all__ = ["BASE", "GENRE", "NAME", "PAIRS", "SCENE", "SIZE", "TIER", "demo_plan", "demo_scenes", "write_pack"]

BASE: Final = "mini"
NAME: Final = TRIGGER
GENRE: Final = "printworks"
TIER: Final = "scene"
SCENE: Final = "a tower at dawn in the snow"
"""What is painted once the adapter serves."""

PAIRS: Final = 150
SIZE: Final = 128
"""Pixels at which `mini` is good."""

_BARS: Final = {"most_of_the_way": 0.95}
"""In place of a lower share: a checkpoint is early until it has come about as far as any that passes."""

_FAMILIAR: Final = "a bridge at dawn in the snow"
_NOVEL: Final = "a castle at dawn in fog"
_DETAIL: Final = "a windmill by day in a storm"
_NONSENSE: Final = "kezu"


_KEPT_BACK: Final = (_FAMILIAR, SCENE, "a village by day in the rain")


def demo_scenes() -> tuple[str, ...]:
    """What the dataset shows; but for the detail, none of it is what the adapter is looked at with."""
    return scenes(PAIRS, but=(*_KEPT_BACK, *limits_of("style").scenes))


def demo_plan(dataset: str) -> RunPlan:
    """The run's plan.

    Args:
        dataset: Its folder, from the run's.
    """
    return RunPlan(
        name=NAME,
        kind="style",
        trigger=TRIGGER,
        base=BASE,
        genre=GENRE,
        dataset=DatasetPlan(path=dataset, size=SIZE, pairs=PAIRS),
        training=TrainingPlan(seed=1, **proposed_training(BASE, "mflux")),
        sweep=SweepPlan(seeds=(1, 2), width=SIZE, height=SIZE, steps=4, bars=_BARS, prompts=_prompts()),
        verify=VerifyPlan(nonsense=_NONSENSE, fires=True, unattended=True),
        judge=JudgePlan(judge="metric", seeds=(101, 102), numbers={"width": SIZE, "height": SIZE, "steps": 4}),
    )


def _prompts() -> tuple[Prompt, ...]:
    return (
        Prompt(role="familiar", text=f"{TRIGGER}, {_FAMILIAR}"),
        Prompt(role="novel", text=f"{TRIGGER}, {_NOVEL}"),
        Prompt(
            role="detail",
            text=f"{TRIGGER}, {_DETAIL}",
            questions=("Is there one windmill and no more?", "Is the sky dark?"),
        ),
        Prompt(role="control", text=_FAMILIAR),
        Prompt(role="nonsense", text=f"{_NONSENSE}, {_FAMILIAR}"),
    )


def write_pack(packs: Path, *, lists: bool) -> Path:
    """Write a pack whose pictures get promoted adapters alone.

    Args:
        packs: The folder of packs, made where it is absent.
        lists: Whether its style names the adapter already; the file is somebody else's part.

    Returns:
        The folder that its adapters belong in.
    """
    genre = packs / GENRE
    loras = genre / "loras"
    loras.mkdir(parents=True, exist_ok=True)
    with as_file(files("kilnmark") / "genre_packs" / "weatherwright" / "tiers.yaml") as tiers:
        shutil.copyfile(tiers, genre / "tiers.yaml")
    entry = {"name": NAME, "file": f"loras/{NAME}.safetensors", "scale": 1.0, "applies_to": [TIER], "trigger": TRIGGER}
    style = {"preferred_model": BASE, "base_seed": 1887, "require_promoted": True, "loras": [entry] if lists else []}
    (genre / "visual_style.yaml").write_text(yaml.safe_dump(style, sort_keys=False), encoding="utf-8")
    return loras
