"""How a run stands and how to go on, for each state that one can be in."""

import shlex
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.lab.cli.main import lab
from kilnmark.lab.run.folder import SUMMARY, is_held, open_run, read_state
from kilnmark.lab.run.next import next_steps
from kilnmark.lab.run.plan import read_plan
from kilnmark.lab.run.standing import RunVerdict, Stage, cost_of, last_moment, standing_of
from kilnmark.lab.run.state import RunState, Spending
from kilnmark.lab.run.summary import NOTES
from tests.lab.runs import CHECKPOINTS, JUDGED, MOMENTS, NAMES, STATES, make_run, plan

EXPECTED = {
    "untouched": (Stage.NEW, RunVerdict.WAITING, "preflight"),
    "refused": (Stage.PREFLIGHT, RunVerdict.FAILED, "preflight"),
    "checked": (Stage.PREFLIGHT, RunVerdict.WAITING, "train"),
    "doubtful": (Stage.PREFLIGHT, RunVerdict.WAITING, "train"),
    "intended": (Stage.TRAINING, RunVerdict.IN_FLIGHT, "train"),
    "training": (Stage.TRAINING, RunVerdict.IN_FLIGHT, "train"),
    "failed": (Stage.TRAINING, RunVerdict.FAILED, "train"),
    "cancelled": (Stage.TRAINING, RunVerdict.FAILED, "train --new-training"),
    "dead": (Stage.TRAINING, RunVerdict.FAILED, "train --new-training"),
    "trained": (Stage.TRAINING, RunVerdict.WAITING, "sweep"),
    "uncollected": (Stage.TRAINING, RunVerdict.WAITING, "train"),
    "imported": (Stage.CHECKPOINTS, RunVerdict.WAITING, "sweep"),
    "sweeping": (Stage.SWEEP, RunVerdict.IN_FLIGHT, "sweep"),
    "unpicked": (Stage.SWEEP, RunVerdict.FAILED, "sweep --pick"),
    "picked": (Stage.SWEEP, RunVerdict.WAITING, "verify"),
    "verified": (Stage.VERIFICATION, RunVerdict.WAITING, "verify --sign"),
    "signed": (Stage.VERIFICATION, RunVerdict.WAITING, "judge"),
    "ungated": (Stage.VERIFICATION, RunVerdict.FAILED, "sweep --pick"),
    "undecided": (Stage.VERIFICATION, RunVerdict.WAITING, "verify"),
    "judging": (Stage.JUDGEMENT, RunVerdict.IN_FLIGHT, "judge"),
    "good": (Stage.JUDGEMENT, RunVerdict.PROCEED, "deploy"),
    "unsigned": (Stage.JUDGEMENT, RunVerdict.PROCEED, "verify --sign"),
    "bad": (Stage.JUDGEMENT, RunVerdict.REJECT, "sweep --pick"),
    "promoted": (Stage.PROMOTION, RunVerdict.PROMOTED, "deploy"),
    "demoted": (Stage.JUDGEMENT, RunVerdict.PROCEED, "promote"),
}


def state_of(name: str) -> RunState | None:
    if name == "untouched":
        return None
    return RunState(run_id="a", created=MOMENTS[0], kilnmark="1", **STATES[name])


def test_every_state_is_expected() -> None:
    assert tuple(EXPECTED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_run_stands_where_its_state_says(name: str) -> None:
    found = standing_of(plan(name), state_of(name))
    assert (found.stage, found.verdict) == EXPECTED[name][:2]
    assert found.line


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_twice(name: str, tmp_path: Path) -> None:
    found = standing_of(plan(name), state_of(name))
    assert all(reason in found.line or reason in found.further for reason in found.reasons)
    shown = CliRunner().invoke(lab, ["show", str(make_run(tmp_path, name))]).stdout
    assert [reason for reason in found.reasons if shown.count(reason) != 1] == []


@pytest.mark.parametrize("name", ["signed", "good", "promoted"])
def test_what_the_gate_left_open_is_told_wherever_a_run_stands(name: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path, name)
    with open_run(folder) as run:
        assert run.state.verification is not None
        run.change(
            verification=msgspec.structs.replace(run.state.verification, left_open=("nobody asked its trigger",))
        )
    shown = CliRunner().invoke(lab, ["show", str(folder)]).stdout
    assert "nobody asked its trigger" in shown
    assert "- nobody asked its trigger\n" in (folder / SUMMARY).read_text()


def test_where_nothing_is_judged_yet_no_cell_is_said_to_fail() -> None:
    judging = msgspec.structs.replace(JUDGED, verdict="IN FLIGHT", passed={"all": 0, "Q1": 0}, judged=0)
    state = RunState(run_id="a", created=MOMENTS[0], kilnmark="1", **(STATES["judging"] | {"judgements": (judging,)}))
    assert standing_of(plan("judging"), state).line.endswith("so far none of 6 cells is judged")


@pytest.mark.parametrize("name", NAMES)
def test_the_first_command_is_the_right_one(name: str) -> None:
    steps = next_steps("runs/my run", plan(name), state_of(name))
    commands = [step.command for step in steps if step.command.startswith("kilnmark lab")]
    words = shlex.split(commands[0])[2:]
    wanted = EXPECTED[name][2].split()
    assert words[0] == wanted[0]
    assert set(wanted[1:]) <= set(words)
    assert all("'runs/my run" in command for command in commands)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_one_that_there_is(name: str) -> None:
    for step in next_steps("runs/ink", plan(name), state_of(name)):
        program, *words = shlex.split(step.command)
        if program != "kilnmark":
            continue
        command = lab.get_command(click.Context(lab), words[1])
        assert command is not None, step.command
        given = {word for word in words[2:] if word.startswith("--")}
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert given <= {name for each in options for name in (*each.opts, *each.secondary_opts)}, step.command
        assert [each.opts for each in options if each.required and not given & set(each.opts)] == [], step.command


def test_what_was_judged_without_a_pick_is_named() -> None:
    state = RunState(run_id="a", created=MOMENTS[0], kilnmark="1", checkpoints=CHECKPOINTS, judgements=(JUDGED,))
    first = next_steps("ink", plan("ink"), state)[0]
    assert first.command == "kilnmark lab verify ink/checkpoints/ink-000400.safetensors --run ink"


def test_while_a_command_works_in_it_nobody_is_told_to_begin_another() -> None:
    found = standing_of(plan("picked"), state_of("picked"), held=True)
    assert (found.verdict, found.held) == (RunVerdict.IN_FLIGHT, True)
    assert [step.command for step in next_steps("ink", plan("a"), state_of("training"), held=True)] == [
        "kilnmark lab show ink",
        "less ink/train.log",
    ]


def test_looking_refuses_nobody(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "picked")
    assert not is_held(folder)
    with open_run(folder):
        assert is_held(folder)
    assert not is_held(folder)
    assert not is_held(tmp_path / "nothing")


def test_an_amount_that_was_reserved_counts_once() -> None:
    spent = (
        Spending(at="1", what="training", key="k", amount=5.0),
        Spending(at="2", what="training", key="k", amount=4.0, settled=True),
        Spending(at="3", what="judge", key="j", amount=0.5),
    )
    assert cost_of(RunState(run_id="a", created="0", kilnmark="1", spending=spent)) == pytest.approx(4.5)
    assert cost_of(None) == 0


def test_the_last_moment_is_the_latest_of_all() -> None:
    assert last_moment(state_of("promoted")) == MOMENTS[9]
    assert last_moment(None) is None


def test_a_command_leaves_a_summary_in_which_what_people_wrote_stays(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "failed")
    text = (folder / SUMMARY).read_text()
    assert "**FAILED** at training" in text
    assert "kilnmark lab train . --new-training" in text
    assert "<b>" not in text
    with (folder / SUMMARY).open("a") as file:
        file.write("## Goal\nsee the sea\n")
    with open_run(folder) as run:
        run.change(**STATES["good"])
    text = (folder / SUMMARY).read_text()
    assert "**PROCEED** at judgement" in text
    assert text.endswith(f"{NOTES}\n## Goal\nsee the sea\n")
    assert text.count(NOTES) == 1


def test_a_run_in_which_nothing_happened_has_no_summary(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "untouched")
    with open_run(folder):
        pass
    assert not (folder / SUMMARY).exists()
    assert read_state(folder) is None
    assert read_plan(folder) == plan("untouched")


def test_what_is_not_judged_yet_is_not_told_as_failing() -> None:
    line = standing_of(plan("judging"), state_of("judging")).line
    assert line.startswith("not decided yet by metric, held to default 2; so far ")
    assert standing_of(plan("bad"), state_of("bad")).line.startswith(
        "REJECT by metric, held to default 2: 4 of 6 cells"
    )


def test_what_the_gate_refuses_no_judge_lets_through() -> None:
    refused = {**STATES["ungated"], "judgements": (JUDGED,)}
    state = RunState(run_id="a", created=MOMENTS[0], kilnmark="1", **refused)
    found = standing_of(plan("good"), state)
    assert (found.stage, found.verdict) == (Stage.VERIFICATION, RunVerdict.FAILED)
    commands = [step.command for step in next_steps("run", plan("good"), state)]
    assert commands[0] == "kilnmark lab sweep run --pick STEP --why REASON"
    assert not [command for command in commands if "promote" in command or "deploy" in command]
