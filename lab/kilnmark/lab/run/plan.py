"""`run.toml`: what was decided about a run, by people, and checked once when it is read.

Each section is one step's. What happened is not here but in `state`. A relative path in it is meant from the run's
folder, so that a run can be copied with its dataset.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kilnmark.lab.errors import RunMissing, RunUnusable

__all__ = [
    "PLAN",
    "BudgetPlan",
    "DatasetPlan",
    "JudgePlan",
    "LoraKind",
    "Prompt",
    "Role",
    "RunPlan",
    "SweepPlan",
    "TrainingPlan",
    "read_plan",
]

PLAN = "run.toml"

LoraKind = Literal["style", "subject"]
"""What an adapter is to teach: a way of painting, or one person or thing."""

Role = Literal["familiar", "novel", "detail", "control", "nonsense"]
"""What a prompt is to show: the trigger in a familiar setting, in one that no training picture has, a detail that has
to be on its right side, a prompt without the trigger, and one with a trigger that means nothing."""

Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetPlan(_Section):
    """What is trained on.

    Attributes:
        path: Its folder, from the run's.
        size: Pixels of the shorter side that a trainer works at.
        pairs: Fewest pairs; None: as the kind wants it.
    """

    path: str
    size: Annotated[int, Field(ge=16)] = 1024
    pairs: Annotated[int, Field(ge=1)] | None = None


class TrainingPlan(_Section):
    """Who trains, and with which numbers.

    Attributes:
        trainer: A row of the table of trainers.
        steps: Of training.
        save_every: Steps from one checkpoint to the next.
        rank: Of the adapter.
        learning_rate: Of the optimizer.
        seed: Of everything that the trainer draws.
        command: A command template, for trainers that are run by one.
        checkout: The trainer's own folder, from the run's.
    """

    trainer: str = "mflux"
    steps: Annotated[int, Field(ge=1)] = 1000
    save_every: Annotated[int, Field(ge=1)] = 200
    rank: Annotated[int, Field(ge=1)] = 16
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    seed: Annotated[int, Field(ge=0)] = 42
    command: tuple[str, ...] = ()
    checkout: str | None = None


class Prompt(_Section):
    """One prompt of a sweep or of a judge's matrix.

    Attributes:
        role: What it is to show.
        text: The prompt, with the trigger where it belongs.
        questions: What is to be looked at, as questions that yes or no answers.
    """

    role: Role
    text: Annotated[str, Field(min_length=1)]
    questions: tuple[str, ...] = ()


class SweepPlan(_Section):
    """What is painted of each checkpoint.

    Attributes:
        scales: Of the adapter.
        seeds: One picture each.
        width, height: Pixels; None: as the tier or the variant has it.
        steps: Of painting; None: likewise.
        root: A folder that the daemon reads adapters from, where copies lie while they are painted; None: the run's
            own checkpoints are within its roots.
        prompts: By role.
    """

    scales: tuple[float, ...] = (1.0,)
    seeds: tuple[int, ...] = (1, 2)
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    root: str | None = None
    prompts: tuple[Prompt, ...] = ()


class JudgePlan(_Section):
    """Who judges, what, and by which bars.

    Attributes:
        judge: `metric`, `person`, `openai` or `anthropic`.
        model: Of a vision model.
        base_url: Where it is asked, if not at its maker's.
        bars: The name of a preset.
    """

    judge: Literal["metric", "person", "openai", "anthropic"] = "metric"
    model: str | None = None
    base_url: str | None = None
    bars: str = "default"


class BudgetPlan(_Section):
    """What a run may cost.

    Attributes:
        currency: Of all amounts of the run.
        limit: The most that may be spent; 0: nothing that costs is begun.
    """

    currency: str = "USD"
    limit: Annotated[float, Field(ge=0)] = 0.0


class RunPlan(_Section):
    """All that was decided about a run.

    Attributes:
        name: What the adapter is to be called.
        kind: What it is to teach.
        trigger: The words that call it up; empty: a style that is always on.
        base: The variant that it is trained for and painted on.
        genre: Where it is to serve.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    kind: LoraKind
    trigger: str = ""
    base: str
    genre: str | None = None
    dataset: DatasetPlan
    training: TrainingPlan = TrainingPlan()
    sweep: SweepPlan = SweepPlan()
    judge: JudgePlan = JudgePlan()
    budget: BudgetPlan = BudgetPlan()


def read_plan(run: Path) -> RunPlan:
    """What was decided about the run in a folder.

    Raises:
        RunMissing: There is no `run.toml`.
        RunUnusable: It cannot be read, or an entry of it cannot be meant; the entry is named.
    """
    path = run / PLAN
    try:
        return RunPlan.model_validate(tomllib.loads(path.read_bytes().decode("utf-8-sig")))
    except FileNotFoundError as error:
        raise RunMissing(str(run)) from error
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        entry = ".".join(str(part) for part in first["loc"])
        more = f", and {len(others)} more" if others else ""
        raise RunUnusable(str(path), f"{entry}: {first['msg']}{more}", "mend the entry") from error
    except (OSError, ValueError) as error:
        raise RunUnusable(str(path), str(error), "mend the file") from error
