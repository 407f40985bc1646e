"""Two checkpoints held to each other by a vision model: the same cells of both, side by side, in both orders.

A model that prefers whatever it is shown first contradicts itself, and its preference counts for neither. How calls are
paid and written down is `asker`'s part.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from kilnmark.client.sync import Client
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.judging.asker import Asker, AskingRules, Unanswered, reconcile, recount
from kilnmark.lab.judging.asking import SYSTEM, ReplyMisfit, unfenced
from kilnmark.lab.judging.axes import Axis
from kilnmark.lab.judging.calls import Calls
from kilnmark.lab.judging.endpoints import endpoint_of, key_of, model_of, price_of
from kilnmark.lab.judging.errors import JudgeUnusable
from kilnmark.lab.judging.intervals import sign_test
from kilnmark.lab.judging.matrix import MatrixCell
from kilnmark.lab.judging.painting import Canvas, paint
from kilnmark.lab.judging.photos import photo_of
from kilnmark.lab.judging.prepare import Prepared, prepare
from kilnmark.lab.judging.references import from_run
from kilnmark.lab.judging.talk import Photo, Question
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.spending import OverBudget, left_of
from kilnmark.lab.sweep.copies import readable
from kilnmark.lab.training.remote.asked import recount_trainings

__all__ = ["HeldPair", "HeldPairs", "compare_checkpoints"]

PAIRS = "pairs.json"

_Word = Literal["A", "B", "same"]
_ORDERS = ("ab", "ba")


class HeldPair(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of both.

    Attributes:
        cell: Its name.
        better: The step that is better in both orders; None: neither, or the order decided.
        orders: What was said in each order, as the step that was preferred; None: neither.
        sentences: Why, in each order.
        why: Why it is not judged; empty: it is.
    """

    cell: str
    better: int | None = None
    orders: tuple[int | None, ...] = ()
    sentences: tuple[str, ...] = ()
    why: str = ""


class HeldPairs(msgspec.Struct, frozen=True, kw_only=True):
    """Two checkpoints, held to each other.

    Attributes:
        steps: Of both.
        judge: Who judged.
        base_url: Where.
        pairs: By cell.
        wins: Cells in which each is better, in the order of the steps.
        contradicted: Cells in which the order decided.
        chance: How likely such a difference would come by chance (sign test).
        cost: Of all calls.
        currency: Of the cost.
    """

    steps: tuple[int, int]
    judge: str
    base_url: str
    pairs: tuple[HeldPair, ...]
    wins: tuple[int, int]
    contradicted: int
    chance: float
    cost: float
    currency: str

    def lines(self) -> Iterator[str]:
        """For people."""
        for pair in self.pairs:
            said = pair.why or (
                f"{pair.better} is better" if pair.better is not None else "neither, or the order decided"
            )
            yield f"{pair.cell}: {said}"
        one, other = self.steps
        yield (
            f"{one} is better in {self.wins[0]} cells and {other} in {self.wins[1]}, of {len(self.pairs)}; the order "
            f"decided {self.contradicted}; by chance {self.chance:.0%}; {self.cost:.4f} {self.currency}"
        )


class _Preference(msgspec.Struct, frozen=True):
    better: _Word
    sentence: str


def compare_checkpoints(run: Run, client: Client, steps: tuple[int, int], tell: Callable[[str], None]) -> HeldPairs:
    """Have two checkpoints of a run held to each other, or go on with it.

    Args:
        run: The run, held.
        client: Of the daemon that paints.
        steps: The two.
        tell: Called with a line at every stage, and with what leaves the machine before it does.

    Raises:
        KilnmarkError: It could not be begun, or has to end here; all that was done is written down.
    """
    if steps[0] == steps[1]:
        raise JudgeUnusable("--between", f"both are {steps[0]}", "name two checkpoints")
    sides = [prepare(run, step=step) for step in steps]
    if not sides[0].judge.base_url:
        raise JudgeUnusable("judge.judge", f"{sides[0].judge.kind} judges no pairs", "name a vision model")
    work = _Pairs(run, sides)
    work.check_budget(tell)
    work.paint(client, tell)
    asyncio.run(work.ask())
    return work.write()


class _Pairs:
    def __init__(self, run: Run, sides: Sequence[Prepared]) -> None:
        self._run = run
        self._sides = sides
        self._plan = run.plan.judge
        self._endpoint = endpoint_of(self._plan)
        key_of(self._plan, self._endpoint)
        one, other = (side.adapter for side in sides)
        self._folder = run.folder / "report" / f"pairs-{one.step}-{other.step}-{one.sha256[:6]}{other.sha256[:6]}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunUnusable(str(self._folder), error.strerror or str(error), "make room for it") from error
        self._calls = Calls(self._folder)
        recount(run)
        recount_trainings(run)
        reconcile(run, self._folder.name, self._calls, str(self._folder))
        self._said: dict[str, list[_Preference | Unanswered]] = {}

    @property
    def _cells(self) -> Sequence[MatrixCell]:
        return self._sides[0].matrix.cells

    def check_budget(self, tell: Callable[[str], None]) -> None:
        most = 0.0
        price = price_of(self._plan)
        tell(
            f"these pictures go to {self._endpoint.base_url} ({self._endpoint.model}), as pixels alone, in both orders:"
        )
        for at, cell in enumerate(self._cells):
            names = [from_run(self._run, path) for path in (*self._sides[0].references[at], *self._places(cell))]
            tell(f"  {cell.name}: {', '.join(names)}")
            photos = [Photo(name, b"") for name in names]
            asked = sum(not self._calls.of(f"{cell.name}/{order}") for order in _ORDERS)
            most += asked * price.most(self._question(cell, photos[:-2], photos[-2:]))
        left, budget = left_of(self._run), self._run.plan.budget
        if most > left and most > 0:
            raise OverBudget(f"holding {len(self._cells)} pairs", most, left, budget.limit, budget.currency)

    def paint(self, client: Client, tell: Callable[[str], None]) -> None:
        for side in self._sides:
            cells = [cell for cell in self._cells if not self._place(cell, side).is_file()]
            if not cells:
                continue
            tell(f"painting {len(cells)} pictures with checkpoint {side.adapter.step}")
            there = readable(self._run, [side.adapter], client)[side.adapter.sha256]
            canvas = Canvas(self._run.plan.base, there, side.adapter.sha256, f".{side.adapter.step}.png")
            for _ in paint(client, self._folder, side.matrix, cells, canvas):
                pass

    async def ask(self) -> None:
        model = model_of(self._plan, self._endpoint)
        rules = AskingRules(price_of(self._plan), self._plan.patience, self._plan.idempotent)
        asker = Asker(self._run, self._folder.name, self._calls, model, self._endpoint, rules)
        try:
            for at, cell in enumerate(self._cells):
                beside = [photo_of(path, from_run(self._run, path)) for path in self._sides[0].references[at]]
                both = [photo_of(path, from_run(self._run, path)) for path in self._places(cell)]
                for order in _ORDERS:
                    asked = self._question(cell, beside, both if order == "ab" else both[::-1])
                    found = await asker.ask(f"{cell.name}/{order}", asked, _fitted)
                    self._said.setdefault(cell.name, []).append(found)
        finally:
            await model.close()

    def write(self) -> HeldPairs:
        pairs = tuple(self._pair(cell.name) for cell in self._cells)
        one, other = (side.adapter.step for side in self._sides)
        wins = sum(pair.better == one for pair in pairs), sum(pair.better == other for pair in pairs)
        found = HeldPairs(
            steps=(one, other),
            judge=self._endpoint.model,
            base_url=self._endpoint.base_url,
            pairs=pairs,
            wins=wins,
            contradicted=sum(len(set(pair.orders)) > 1 for pair in pairs),
            chance=sign_test(*wins),
            cost=self._calls.cost,
            currency=self._run.plan.budget.currency,
        )
        try:
            with written_whole(self._folder / PAIRS, alone=True) as file:
                file.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
        except OSError as error:
            raise RunUnusable(str(self._folder), error.strerror or str(error), "make room for it") from error
        return found

    def _pair(self, cell: str) -> HeldPair:
        said = self._said[cell]
        for each in said:
            if isinstance(each, Unanswered):
                return HeldPair(cell=cell, why=each.why)
        replies = [each for each in said if isinstance(each, _Preference)]
        one, other = (side.adapter.step for side in self._sides)
        meant: list[Mapping[_Word, int | None]] = [
            {"A": one, "B": other, "same": None},
            {"A": other, "B": one, "same": None},
        ]
        orders = tuple(words[reply.better] for words, reply in zip(meant, replies, strict=True))
        better = orders[0] if len(set(orders)) == 1 else None
        return HeldPair(cell=cell, better=better, orders=orders, sentences=tuple(reply.sentence for reply in replies))

    def _places(self, cell: MatrixCell) -> list[Path]:
        return [self._place(cell, side) for side in self._sides]

    def _place(self, cell: MatrixCell, side: Prepared) -> Path:
        return self._folder / "cells" / f"{cell.name}.{side.adapter.step}.png"

    def _question(self, cell: MatrixCell, beside: Sequence[Photo], both: Sequence[Photo]) -> Question:
        axes: Sequence[Axis] = self._sides[0].axes
        parts: list[str | Photo] = ["Reference pictures:", *beside, "Picture A:", both[0], "Picture B:", both[1]]
        parts += ["Both were asked for with these words, which are no words to you:", cell.prompt]
        lines = [
            "Which one is better? Weigh these, the first most:",
            *(f"- {axis.title}: {axis.asks}" for axis in axes),
        ]
        lines.append("Answer `better` with A, B or same, and one sentence that names what decided it.")
        return Question(system=SYSTEM, parts=(*parts, "\n".join(lines)), schema=_SCHEMA, name="preference")


_SCHEMA = {
    "type": "object",
    "properties": {"better": {"type": "string", "enum": ["A", "B", "same"]}, "sentence": {"type": "string"}},
    "required": ["better", "sentence"],
    "additionalProperties": False,
}


def _fitted(text: str, cut: str) -> _Preference | ReplyMisfit:
    if cut:
        return ReplyMisfit(cut)
    try:
        return msgspec.json.decode(unfenced(text), type=_Preference)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        return ReplyMisfit(str(error))
