"""`run.toml`: what was decided about a run, by people, and checked once when it is read.

Each section is one step's. What happened is not here but in `state`. A relative path in it is meant from the run's
folder, so that a run can be copied with its dataset.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from kilnmark.lab.errors import RunMissing, RunUnusable
from kilnmark.lab.run.dataset_plan import DatasetPlan, SourcePlan
from kilnmark.lab.run.section import Section
from kilnmark.lab.run.verify_plan import VerifyPlan

__all__ = [
    "PLAN",
    "AxisPlan",
    "BudgetPlan",
    "DatasetPlan",
    "JudgePlan",
    "LoraKind",
    "Prompt",
    "RemotePlan",
    "Role",
    "RunPlan",
    "SourcePlan",
    "SweepPlan",
    "TrainingPlan",
    "VerifyPlan",
    "read_plan",
]

PLAN = "run.toml"

CONFIGURED: Final = ("mflux", "ai-toolkit")
"""Trainers that a file of choices is written for."""

LoraKind = Literal["style", "subject"]
"""What an adapter is to teach: a way of painting, or one person or thing."""

Role = Literal["familiar", "novel", "detail", "control", "nonsense"]
"""What a prompt is to show: the trigger in a familiar setting, in one that no training picture has, a detail that has
to be on its right side, a prompt without the trigger, and one with a trigger that means nothing."""


class RemotePlan(Section):
    """A remote that trains, and what it may take.

    Attributes:
        base_url: Where it is; https, unless it is this machine.
        key_variable: The environment variable with the key; the key itself stands nowhere.
        model: Who trains there, as `owner/name`.
        version: Which version of it.
        destination: The model that the result becomes there, as `owner/name`.
        dataset_input: What the training calls its dataset, a zip.
        inputs: What else it is asked with. `{steps}`, `{save_every}`, `{rank}`, `{learning_rate}`, `{seed}`,
            `{trigger}` and `{name}` stand for what is decided elsewhere.
        price_per_second: In the run's currency.
        longest_seconds: After so many charged seconds it is cancelled; what is reserved of the budget comes of it.
        poll_seconds: From one look to the next.
        answer_seconds: That one answer may take.
        patience_seconds: How long calls that are free are repeated while it gives none.
    """

    base_url: str = "https://api.replicate.com"
    key_variable: str = "REPLICATE_API_TOKEN"
    model: Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")]
    version: Annotated[str, Field(min_length=1)]
    destination: Annotated[str, Field(pattern=r"^[^/\s]+/[^/\s]+$")]
    dataset_input: str = "input_images"
    inputs: Mapping[str, str | int | float | bool] = {
        "trigger_word": "{trigger}",
        "autocaption": False,
        "steps": "{steps}",
        "lora_rank": "{rank}",
        "learning_rate": "{learning_rate}",
    }
    price_per_second: Annotated[float, Field(ge=0)]
    longest_seconds: Annotated[float, Field(gt=0)] = 7200.0
    poll_seconds: Annotated[float, Field(ge=0.01)] = 30.0
    answer_seconds: Annotated[float, Field(gt=0)] = 60.0
    patience_seconds: Annotated[float, Field(ge=0)] = 900.0


class TrainingPlan(Section):
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
        convention: What its checkpoints are written again in; None: as the trainer wrote them.
        own: Entries of the trainer's own file of choices, by its names, over those that are written into it.
        remote: Where it trains, if not here.
    """

    trainer: str = "mflux"
    steps: Annotated[int, Field(ge=1)] = 1000
    save_every: Annotated[int, Field(ge=1)] = 200
    rank: Annotated[int, Field(ge=1)] = 16
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    seed: Annotated[int, Field(ge=0)] = 42
    command: tuple[str, ...] = ()
    checkout: str | None = None
    convention: Literal["kohya", "diffusers", "mlx-examples"] | None = None
    own: Mapping[str, Any] = {}
    remote: RemotePlan | None = None

    @model_validator(mode="after")
    def _own_is_read(self) -> Self:
        if self.own and self.trainer not in CONFIGURED:
            raise ValueError(f"own is for trainers with a file of choices, {' and '.join(CONFIGURED)}; leave it out")
        return self


class Prompt(Section):
    """One prompt of a sweep or of a judge's matrix.

    Attributes:
        role: What it is to show.
        text: The prompt, with the trigger where it belongs.
        questions: What is to be looked at, as questions that yes or no answers.
    """

    role: Role
    text: Annotated[str, Field(min_length=1)]
    questions: tuple[str, ...] = ()


class SweepPlan(Section):
    """What is painted of each checkpoint.

    Attributes:
        scales: Of the adapter.
        seeds: One picture each.
        width, height: Pixels; None: as the tier or the variant has it.
        steps: Of painting; None: likewise.
        root: A folder that the daemon reads adapters from, where copies lie while they are painted; None: the run's
            own checkpoints are within its roots.
        bars: Bounds of the run's own, by the number that each is for, in place of those of its kind.
        prompts: By role.
    """

    scales: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = (1.0,)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**53)], ...] = (1, 2)
    width: Annotated[int, Field(ge=16)] | None = None
    height: Annotated[int, Field(ge=16)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    root: str | None = None
    bars: Mapping[str, Annotated[float, Field(allow_inf_nan=False)]] = {}
    prompts: tuple[Prompt, ...] = ()


class AxisPlan(Section):
    """An axis of the run's own, in place of the four of its kind.

    Attributes:
        name: As the bars name it.
        title: In a word.
        asks: The question that a judge is asked.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,20}$")]
    title: Annotated[str, Field(min_length=1)]
    asks: Annotated[str, Field(min_length=1)]


class JudgePlan(Section):
    """Who judges, what, and by which bars.

    Attributes:
        judge: `metric`, `person`, `openai` or `anthropic`; the last two are vision models asked over HTTP in that form.
        model: Of a vision model.
        base_url: Where it is asked, if not at its maker's.
        key_from: The variable of the environment that has its key; None: `OPENAI_API_KEY` or `ANTHROPIC_API_KEY`;
            empty: it wants none.
        price_in, price_out: What a million tokens cost, asked and answered; 0: nothing. Needed of a vision model.
        tokens_a_picture: Tokens that a picture is reckoned with before it is sent.
        reply_tokens: The longest reply.
        deadline: Seconds for one call, whole.
        patience: Seconds that a judge which turns calls away is waited for, whole.
        structured: Whether the form of the reply is demanded by the API, too, where a server knows how.
        idempotent: Whether the server answers a call with the same `Idempotency-Key` again without charging it. Never
            say so of one that does not: what was cut off is then asked again by itself.
        prompts: Of the matrix; empty: those of the sweep that have the trigger.
        seeds: Of the matrix; each with each prompt.
        cells: The most cells; prompts and seeds that are more are left out.
        scale: Of the adapter.
        numbers: Of the picture (`width`, `height`, `steps` and what else a request has), over the usual ones.
        references: Pictures that the painted ones are held beside, from the run's folder; empty: some of the dataset.
        reference_count: How many of the dataset.
        axes: What is scored; empty: the four of the kind.
        questions: Asked of every picture, beside those of its prompt: at most twelve, which yes or no answers.
        bars: The name of a preset, or of an entry of `bars_file`; None: `metric` for the metric, `people` for people,
            `default` for the others.
        bars_file: Bars of the run's own, from its folder.
        voters: People who have to vote on every pair, where people judge.
    """

    judge: Literal["metric", "person", "openai", "anthropic"] = "metric"
    model: str | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://[^/?#@\s]+[^?#\s]*$")] | None = None
    key_from: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] | None = None
    price_in: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    price_out: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    tokens_a_picture: Annotated[int, Field(ge=1)] = 3000
    reply_tokens: Annotated[int, Field(ge=64)] = 4000
    deadline: Annotated[float, Field(gt=0, le=3600)] = 180.0
    patience: Annotated[float, Field(ge=0, le=3600)] = 120.0
    structured: bool = True
    idempotent: bool = False
    prompts: tuple[Prompt, ...] = ()
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**53)], ...], Field(min_length=1)] = (101, 102, 103)
    cells: Annotated[int, Field(ge=1, le=200)] = 6
    scale: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    numbers: Mapping[str, float] = {}
    references: tuple[str, ...] = ()
    reference_count: Annotated[int, Field(ge=1, le=4)] = 2
    axes: tuple[AxisPlan, ...] = ()
    questions: Annotated[tuple[str, ...], Field(max_length=12)] = ()
    bars: str | None = None
    bars_file: str | None = None
    voters: Annotated[int, Field(ge=1, le=20)] = 1


class BudgetPlan(Section):
    """What a run may cost.

    Attributes:
        currency: Of all amounts of the run.
        limit: The most that may be spent; 0: nothing that costs is begun.
    """

    currency: str = "USD"
    limit: Annotated[float, Field(ge=0)] = 0.0


class RunPlan(Section):
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
    verify: VerifyPlan = VerifyPlan()
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
