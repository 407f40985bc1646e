"""Which pictures there are to be, in which order, and by what each is known."""

from pathlib import Path

import pytest

from kilnmark.client.batch.run.base import BaseNow
from kilnmark.lab.run.plan import DatasetPlan, RunPlan, SweepPlan
from kilnmark.lab.run.state import Checkpoint
from kilnmark.lab.sweep.cells import Cell, plan_cells
from kilnmark.lab.sweep.errors import NothingToSweep
from kilnmark.lab.sweep.prompts import proposed_prompts

PROMPTS = proposed_prompts("style", "inkwash", "dev")


def checkpoint(step: int, sha256: str = "") -> Checkpoint:
    return Checkpoint(
        step=step,
        file=f"checkpoints/{step}.safetensors",
        sha256=sha256 or f"{step:064d}",
        origin="trained",
        verdict="engaged",
        matched_key_count=1,
        total_key_count=1,
    )


def cells(*steps: int, sweep: SweepPlan | None = None) -> list[Cell]:
    chosen = sweep or SweepPlan(scales=(1.0, 0.5), seeds=(1, 2), prompts=PROMPTS[:2])
    plan = RunPlan(name="a", kind="style", base="mini", dataset=DatasetPlan(path="d"), sweep=chosen)
    return plan_cells(plan, [checkpoint(step) for step in steps])


def test_every_checkpoint_is_painted_at_every_scale_with_every_prompt_and_seed_and_so_is_the_base() -> None:
    found = cells(200, 400)
    assert len(found) == 2 * 2 * (1 + 2 * 2)
    assert len({cell.name for cell in found}) == len({cell.inputs for cell in found}) == len(found)


def test_the_stack_changes_once_for_each_checkpoint_and_scale_the_base_comes_first() -> None:
    stacks = [(cell.checkpoint.step if cell.checkpoint else 0, cell.scale) for cell in cells(400, 200)]
    changes = [stack for place, stack in enumerate(stacks) if place == 0 or stack != stacks[place - 1]]
    assert changes == [(0, 1.0), (200, 0.5), (200, 1.0), (400, 0.5), (400, 1.0)]


def test_each_cell_knows_the_same_picture_without_adapter() -> None:
    found = {cell.name: cell for cell in cells(200)}
    for cell in found.values():
        bare = found[cell.bare]
        assert bare.checkpoint is None
        assert (bare.prompt, bare.seed) == (cell.prompt, cell.seed)


def test_other_bytes_another_prompt_or_other_numbers_are_another_cell() -> None:
    one = cells(200)[-1]
    wider = cells(200, sweep=SweepPlan(scales=(1.0, 0.5), seeds=(1, 2), width=64, prompts=PROMPTS[:2]))[-1]
    other = cells(200, sweep=SweepPlan(scales=(1.0, 0.5), seeds=(1, 2), prompts=PROMPTS[1:3]))[-1]
    assert one.name == wider.name == other.name
    assert len({one.inputs, wider.inputs, other.inputs}) == 3


def test_a_job_is_the_same_in_every_run_and_another_on_another_base_or_of_another_place() -> None:
    cell, path = cells(200)[-1], Path("/loras/a.safetensors")
    asked = [cell.request(BaseNow(base), place) for base in ("a", "b") for place in (path, Path("/b"))]
    assert len({request["job_id"] for request in asked}) == 4
    assert cell.request(BaseNow("a"), path) == asked[0]
    assert "lora_paths" not in cells(200)[0].request(BaseNow("a"), None)


@pytest.mark.parametrize(
    ("steps", "sweep", "said"),
    [
        ((), SweepPlan(prompts=PROMPTS), "no checkpoint to paint; train"),
        ((200,), SweepPlan(), r"no prompt to paint; write some as \[\[sweep.prompts\]\]"),
        ((200,), SweepPlan(prompts=PROMPTS, scales=()), "no scale"),
        ((200,), SweepPlan(prompts=PROMPTS, seeds=()), "no seed"),
    ],
)
def test_what_is_missing_is_named(steps: tuple[int, ...], sweep: SweepPlan, said: str) -> None:
    with pytest.raises(NothingToSweep, match=said):
        cells(*steps, sweep=sweep)
