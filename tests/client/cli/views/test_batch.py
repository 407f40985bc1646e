"""What people see of a batch: the summary, and the bar."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kilnmark.client.batch.plan.plan import Plan, Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run.pinned import PinnedItem, pin_items
from kilnmark.client.batch.run.tally import Became, ItemEnding, Tally
from kilnmark.client.cli.views.batch import show_run
from kilnmark.client.cli.views.batch_documents import RunDocument, run_document
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import AdapterNotEngaged, RenderFailed
from tests.client.batch.packs import make_packs

ENGAGED = AdapterReport(name="ink", path="/ink", verdict=Verdict.ENGAGED, reason="")
DEAD = AdapterReport(name="ink", path="/ink", verdict=Verdict.NOOP, reason="zero")
PROBLEM = Problem(file="f", line=1, message="m")


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    return make_packs(tmp_path / "packs", base_seed=7).root


@pytest.fixture
def plan(packs: Path) -> Plan:
    return make_plan(Wishes(kind="poi", packs=packs), TokenCounter(env={}))


@pytest.fixture
def items(plan: Plan) -> list[PinnedItem]:
    return pin_items(plan.items, ["standin"], "standin", lambda path: path, compare_base=False)


def tally_of(items: list[PinnedItem], *endings: ItemEnding, error: KilnmarkError | None = None) -> Tally:
    tally = Tally(len(items))
    for item, ending in zip(items, endings, strict=False):
        tally.ended(item, ending, error if ending.became is Became.FAILED else None)
    return tally


def document(plan: Plan, tally: Tally, **more: Any) -> RunDocument:
    folder = Path("pics")
    paths = {"page": folder / "index.html", "manifest": folder / "manifest.json"}
    return run_document(plan, tally, folder, seconds=2.5, **({"error": None} | paths | more))


def shown(plan: Plan, tally: Tally) -> str:
    out = io.StringIO()
    show_run(Console(file=out, width=200), document(plan, tally))
    return out.getvalue()


def test_the_summary_tells_counts_engagement_and_the_page(plan: Plan, items: list[PinnedItem]) -> None:
    tally = tally_of(items, ItemEnding(Became.PAINTED, loras=(ENGAGED,)), ItemEnding(Became.KEPT))
    words = shown(plan, tally)
    assert "1 painted, 1 kept, 1 left" in words
    assert "1 engaged" in words
    assert "2.5 s, 0 changes of stack" in words
    assert words.splitlines()[-2:] == ["page      pics/index.html", "decide    kilnmark review pics"]


def test_of_what_was_handed_in_and_left_no_adapters_and_no_time_are_told(plan: Plan, items: list[PinnedItem]) -> None:
    words = shown(plan, tally_of(items)).splitlines()
    assert [line.split()[0] for line in words] == ["pictures", "page"]


def test_each_failure_is_named_with_its_reason(plan: Plan, items: list[PinnedItem]) -> None:
    words = shown(plan, tally_of(items, ItemEnding(Became.FAILED, "the disk is \x1b full")))
    assert "failed  ash/fen/Reed Gate: the disk is \\x1b full" in words


def test_a_dead_adapter_is_told_once_with_what_failed_by_it(plan: Plan, items: list[PinnedItem]) -> None:
    words = shown(plan, tally_of(items, *[ItemEnding(Became.FAILED, "ink is dead", (DEAD,))] * 3))
    assert words.splitlines()[:2] == [
        "dead    ink (/ink) is noop: zero",
        "        3 pictures failed by it: ash/fen/Reed Gate, ash/mire/Glass Stair, ash/mire/Old Kiln",
    ]
    assert words.count("zero") == 1
    assert "review" not in words
    assert "3 noop" in words


def test_what_failed_by_an_adapter_is_named_once_an_entry_and_its_file_where_no_reason_has_it(
    packs: Path,
) -> None:
    plan = make_plan(Wishes(kind="poi", packs=packs, takes=2), TokenCounter(env={}))
    items = pin_items(plan.items, ["standin"], "standin", lambda path: path, compare_base=False)
    refused = AdapterReport(name="ink", path="/ink", verdict=Verdict.REFUSED, reason="/ink: no such file")
    words = shown(plan, tally_of(items, *[ItemEnding(Became.FAILED, "no", (refused,))] * 3))
    assert words.splitlines()[:2] == [
        "dead    ink is refused: /ink: no such file",
        "        3 pictures failed by it: ash/fen/Reed Gate (2), ash/mire/Glass Stair",
    ]


def test_another_stack_than_before_is_a_change(items: list[PinnedItem]) -> None:
    assert tally_of(items, *[ItemEnding(Became.PAINTED)] * 3).switches == 1
    assert tally_of(items, *[ItemEnding(Became.KEPT)] * 3).switches == 0


@pytest.mark.parametrize(
    ("ending", "error", "problems", "code"),
    [
        (ItemEnding(Became.PAINTED), None, [], ExitCode.DONE),
        (ItemEnding(Became.PAINTED), None, [PROBLEM], ExitCode.FAILED),
        (ItemEnding(Became.FAILED), RenderFailed("no"), [], ExitCode.FAILED),
        (ItemEnding(Became.FAILED), AdapterNotEngaged("no"), [], ExitCode.NOT_ENGAGED),
        (
            ItemEnding(Became.FAILED),
            AdapterNotEngaged("no"),
            [PROBLEM],
            ExitCode.NOT_ENGAGED,
        ),
    ],
)
def test_the_exit_code_tells_the_worst(
    items: list[PinnedItem], ending: ItemEnding, error: KilnmarkError | None, problems: list[Problem], code: ExitCode
) -> None:
    assert tally_of(items, ending, error=error).exit_code(problems=bool(problems)) is code


def test_an_error_that_ended_it_is_in_the_document(plan: Plan, items: list[PinnedItem]) -> None:
    error = document(plan, tally_of(items), error=RenderFailed("no base")).error
    assert error is not None
    assert (error.kind, error.message) == ("render_failed", "no base")
    assert document(plan, tally_of(items)).left == 3


def test_a_bare_picture_is_named_beside_its_own(plan: Plan) -> None:
    items = pin_items(plan.items, ["standin"], "standin", lambda path: path, compare_base=True)
    made = document(plan, tally_of(items, *[ItemEnding(Became.PAINTED)] * len(items)))
    assert made.items[0].bare == "pics/ash/fen/poi/reed-gate.base.png"
    assert made.painted == 6
