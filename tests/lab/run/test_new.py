"""A new `run.toml`: it is read back as it was meant, and says of every choice what it decides."""

import re
import tomllib
from pathlib import Path

import pytest

from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.run.new import meanings, new_run
from kilnmark.lab.run.plan import (
    AxisPlan,
    BudgetPlan,
    DatasetPlan,
    JudgePlan,
    Prompt,
    RemotePlan,
    RunPlan,
    SourcePlan,
    SweepPlan,
    TrainingPlan,
    read_plan,
)
from kilnmark.lab.run.section import Section

SMALL = RunPlan(name="ink", kind="style", base="mini", dataset=DatasetPlan(path="../set"))
PROMPTS = (
    Prompt(role="familiar", text='a "zxink" castle\\, Zoë\ttower'),
    Prompt(role="detail", text="zxink", questions=("Is the flag on the left?", "")),
)
FULL = RunPlan(
    name="dog",
    kind="subject",
    trigger="zx dog\x7f",
    base="mini",
    genre="weatherwright",
    dataset=DatasetPlan(path="../é", pairs=3, sources=(SourcePlan(name="Ada", files="a*"),)),
    training=TrainingPlan(
        learning_rate=1e-5,
        command=("a", "{config}"),
        remote=RemotePlan(model="a/b", version="c", destination="d/e", price_per_second=0.1),
    ),
    sweep=SweepPlan(scales=(0.5, 1.0), width=128, prompts=PROMPTS),
    judge=JudgePlan(axes=(AxisPlan(name="Q1", title="t", asks="a?"),), numbers={"width": 64.0}, prompts=PROMPTS),
    budget=BudgetPlan(limit=float("inf")),
)


@pytest.mark.parametrize("plan", [SMALL, FULL], ids=["small", "full"])
def test_what_is_written_is_what_was_decided(tmp_path: Path, plan: RunPlan) -> None:
    assert new_run(tmp_path / "run", plan) == tmp_path / "run/run.toml"
    assert read_plan(tmp_path / "run") == plan


def test_every_choice_is_there_whether_it_is_made_or_not(tmp_path: Path) -> None:
    text = new_run(tmp_path / "run", SMALL).read_text()
    named = set(re.findall(r"^(?:# )?(\w+) =", text, re.MULTILINE))
    every = {
        name
        for section in _every_section()
        for name, field in section.model_fields.items()
        if _is_value(field.annotation)
    }
    assert every <= named


def test_a_section_of_comments_counts_once_they_are_taken_away(tmp_path: Path) -> None:
    path = new_run(tmp_path / "run", SMALL)
    text = path.read_text()
    lines = "# [[dataset.sources]]\n# What the source is called.\n# name =\n"
    assert lines in text
    start = text.index(lines)
    filled = (
        text[start:]
        .replace("# [[", "[[", 1)
        .replace("# name =", 'name = "Ada"', 1)
        .replace("# files =", 'files = "a*"', 1)
    )
    path.write_text(text[:start] + filled)
    assert read_plan(tmp_path / "run").dataset.sources == (SourcePlan(name="Ada", files="a*"),)


def _every_section() -> list[type[Section]]:
    return [
        RunPlan,
        DatasetPlan,
        SourcePlan,
        TrainingPlan,
        RemotePlan,
        SweepPlan,
        Prompt,
        JudgePlan,
        AxisPlan,
        BudgetPlan,
    ]


def _is_value(annotation: object) -> bool:
    return "Plan" not in str(annotation) and "Prompt" not in str(annotation)


@pytest.mark.parametrize("section", _every_section(), ids=lambda section: section.__name__)
def test_every_choice_says_what_it_decides(section: type[Section]) -> None:
    said = meanings(section)
    values = {name for name, field in section.model_fields.items() if _is_value(field.annotation)}
    assert values <= said.keys()
    assert all(said.values())


def test_a_run_that_is_there_is_left_alone(tmp_path: Path) -> None:
    new_run(tmp_path, SMALL)
    before = (tmp_path / "run.toml").read_bytes()
    with pytest.raises(RunUnusable, match="there is one already"):
        new_run(tmp_path, FULL)
    assert (tmp_path / "run.toml").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_path_that_is_no_text_leaves_nothing(tmp_path: Path) -> None:
    plan = SMALL.model_copy(update={"dataset": DatasetPlan.model_construct(path="caf\udce9")})
    with pytest.raises(RunUnusable, match="is no text"):
        new_run(tmp_path, plan)
    assert not list(tmp_path.iterdir())


def test_it_is_toml_to_every_reader(tmp_path: Path) -> None:
    document = tomllib.loads(new_run(tmp_path, FULL).read_text())
    assert document["training"]["remote"]["model"] == "a/b"
    assert [prompt["role"] for prompt in document["sweep"]["prompts"]] == ["familiar", "detail"]
