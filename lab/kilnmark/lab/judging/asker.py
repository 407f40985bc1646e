"""One judge asked about one picture after another: reserved, written down, sent, written down, settled.

Whoever is killed anywhere in between leaves what the next one needs to go on without paying again. A call that was cut
off, or that nobody knows the end of, is not sent again by itself: the picture stays unjudged until a person says so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from kilnmark.lab.errors import LabError
from kilnmark.lab.judging.asking import ReplyMisfit, ask_again
from kilnmark.lab.judging.calls import CALLS, CallBegun, CallDoubted, CallEnded, Calls, CallTurnedAway
from kilnmark.lab.judging.errors import JudgeBusy, JudgementLost
from kilnmark.lab.judging.price import Price
from kilnmark.lab.judging.talk import Doubtful, Endpoint, JudgeAnswered, Photo, Question, TurnedAway, VisionModel
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.spending import reserve, settle
from kilnmark.lab.run.state import Spending

__all__ = ["Asker", "AskingRules", "CellStanding", "Unanswered", "cell_standing", "reckoned", "reconcile", "recount"]

R = TypeVar("R")
Fit = Callable[[str, str], R | ReplyMisfit]
"""A reply's text, and why it may not be whole, to what it means or what is wrong with it."""

_ATTEMPTS = 2
_MAY_BE_PAID = "it may have been paid for; --ask-again asks and pays once more"
_FIRST_WAIT = 2.0
"""Seconds; twice as long each time, where a server that turns a call away does not say how long."""


class Unanswered(msgspec.Struct, frozen=True):
    """A picture that was asked about, and is not judged.

    Attributes:
        why: The reason.
        in_doubt: Whether a call that was sent just now came to nothing.
    """

    why: str
    in_doubt: bool = False


class CellStanding(msgspec.Struct, Generic[R], frozen=True):
    """How far one picture got, by its calls alone.

    Attributes:
        reply: What the judge says; None: nothing yet.
        why: Why it is not judged, and will not be by itself; empty: it may be asked.
        misfits: Replies that did not fit, each with what was wrong.
    """

    reply: R | None = None
    why: str = ""
    misfits: tuple[tuple[str, ReplyMisfit], ...] = ()


def cell_standing(calls: Calls, cell: str, fit: Fit[R], *, idempotent: bool) -> CellStanding[R]:
    """How far one picture got."""
    misfits: list[tuple[str, ReplyMisfit]] = []
    doubt = ""
    for call in calls.of(cell):
        if isinstance(call.end, CallEnded):
            reply = fit(call.end.text, call.end.cut)
            if not isinstance(reply, ReplyMisfit):
                return CellStanding(reply)
            misfits.append((call.end.text, reply))
            doubt = ""
        elif isinstance(call.end, CallDoubted) and not idempotent:
            doubt = call.end.said
    if doubt:
        return CellStanding(None, f"{doubt}; {_MAY_BE_PAID}", tuple(misfits))
    if len(misfits) >= _ATTEMPTS:
        why = f"the reply did not fit, {_ATTEMPTS} times: {misfits[-1][1].why}; --ask-again asks and pays once more"
        return CellStanding(None, why, tuple(misfits))
    return CellStanding(None, "", tuple(misfits))


class AskingRules(msgspec.Struct, frozen=True):
    """What a judge costs, and what is to be done when it does not answer.

    Attributes:
        price: What it costs.
        patience: Seconds that a judge which turns calls away is waited for, whole.
        idempotent: Whether the same key is never charged twice.
    """

    price: Price
    patience: float
    idempotent: bool = False


class Asker:
    """A judge, and everything that has to be written down around it.

    Args:
        run: Whose budget it is.
        label: The judging's, among those of the run.
        calls: Its calls.
        model: Who is asked.
        endpoint: Where.
        rules: What it costs, and what is done when it does not answer.
        wait: Waits for so many seconds.
    """

    def __init__(
        self,
        run: Run,
        label: str,
        calls: Calls,
        model: VisionModel,
        endpoint: Endpoint,
        rules: AskingRules,
        *,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._run = run
        self._label = label
        self._calls = calls
        self._model = model
        self._endpoint = endpoint
        self._rules = rules
        self._wait = wait

    async def ask(self, cell: str, question: Question, fit: Fit[R]) -> R | Unanswered:
        """What the judge says of one picture; it is asked only where nothing of it is known yet.

        Args:
            cell: What it is written down under.
            question: What is asked.
            fit: Reads a reply.

        Raises:
            OverBudget: The call may cost more than is left; nothing was sent.
            KeyRefused, AskingRefused, JudgeUnreachable, JudgeBusy: It cannot be asked now; nothing was paid by that.
            RunUnusable: Nothing can be written down.
        """
        while True:
            found = cell_standing(self._calls, cell, fit, idempotent=self._rules.idempotent)
            if found.reply is not None:
                return found.reply
            if found.why:
                return Unanswered(found.why)
            asked = question
            for text, misfit in found.misfits:
                asked = ask_again(asked, text, misfit)
            end = await self._call(cell, asked, len(found.misfits) + 1)
            if isinstance(end, Doubtful):
                again = "run the same command again" if self._rules.idempotent else _MAY_BE_PAID
                return Unanswered(f"{end.said}; {again}", in_doubt=True)

    async def _call(self, cell: str, question: Question, attempt: int) -> JudgeAnswered | Doubtful:
        """One call, with all its waits, to an end that is written down."""
        key = f"{self._run.state.run_id}-{self._label}-{cell}-{self._calls.turn(cell)}-{attempt}"
        most = reckoned(self._rules.price, question, self._calls)
        waited, pause = 0.0, _FIRST_WAIT
        began = time.monotonic()
        while True:
            self._reserve(cell, key, most)
            end = await self._send(cell, question, attempt, key, most)
            if not isinstance(end, TurnedAway):
                return end
            wanted = pause if end.after is None else end.after
            waited = max(waited, time.monotonic() - began)
            if waited + wanted > self._rules.patience:
                settle(self._run, key, 0.0)
                raise JudgeBusy(self._endpoint.base_url, waited, end.said)
            await self._wait(wanted)
            waited, pause = waited + wanted, 2 * pause

    def _reserve(self, cell: str, key: str, most: float) -> None:
        """Anew, where an earlier call of this key was turned away and settled with nothing."""
        if any(entry.key == key and entry.settled for entry in self._run.state.spending):
            self._run.change(spending=tuple(entry for entry in self._run.state.spending if entry.key != key))
        reserve(self._run, what=f"{self._label}: {cell}", key=key, amount=most)

    async def _send(
        self, cell: str, question: Question, attempt: int, key: str, most: float
    ) -> JudgeAnswered | TurnedAway | Doubtful:
        call = self._calls.next_number()
        files = tuple(part.file for part in question.parts if isinstance(part, Photo))
        url, model = self._endpoint.base_url, self._endpoint.model
        begun = CallBegun(
            at=now(),
            call=call,
            cell=cell,
            attempt=attempt,
            key=key,
            most=most,
            base_url=url,
            model=model,
            pictures=files,
        )
        self._calls.add(begun)
        try:
            end = await self._model.ask(question, key)
        except LabError as error:  # it was not carried out
            self._calls.add(CallTurnedAway(at=now(), call=call, said=str(error)))
            settle(self._run, key, 0.0)
            raise
        if isinstance(end, JudgeAnswered):
            self._take(call, key, most, end)
        elif isinstance(end, TurnedAway):
            self._calls.add(CallTurnedAway(at=now(), call=call, said=end.said))
        else:
            self._calls.add(CallDoubted(at=now(), call=call, said=end.said))
        return end

    def _take(self, call: int, key: str, most: float, answer: JudgeAnswered) -> None:
        told = self._rules.price.of(answer)
        cost = most if told is None else told
        ended = CallEnded(
            at=now(),
            call=call,
            text=answer.text,
            cut=answer.cut,
            cost=cost,
            tokens_in=answer.tokens_in,
            tokens_out=answer.tokens_out,
            reply_id=answer.reply_id,
        )
        self._calls.add(ended)
        settle(self._run, key, cost)


def reckoned(price: Price, question: Question, calls: Calls) -> float:
    """The most that a call may cost: as it is reckoned, and never less than one of the judging did cost."""
    dearest = calls.dearest
    return max(price.most(question), dearest.cost if dearest else 0.0)


def reconcile(run: Run, label: str, calls: Calls, folder: str) -> None:
    """Put what the calls say of money into the state, where a kill came in between.

    Args:
        run: The run.
        label: The judging's, among those of the run.
        calls: Its calls.
        folder: Where they lie, for a message.

    Raises:
        JudgementLost: The state knows of money that was paid for a call which is not there.
    """
    costs = calls.costs()
    own = [entry for entry in run.state.spending if entry.key.startswith(f"{run.state.run_id}-{label}-")]
    for entry in own:
        if entry.key not in costs:
            if entry.settled and entry.amount > 0:
                raise JudgementLost(folder, f"{entry.amount:.4f} were paid for a reply that is not there")
            if not entry.settled:
                settle(run, entry.key, 0.0)  # it was reserved, and never sent
        elif calls.is_settled(entry.key) and not entry.settled:
            settle(run, entry.key, costs[entry.key])


def recount(run: Run) -> None:
    """Put back into the state what earlier judgings of the run were paid for and it does not know of, as where it was
    lost: their calls lie in folders of their own, and the budget is one.

    Raises:
        RunUnusable: Calls cannot be read, or the state not be written.
    """
    known = {entry.key for entry in run.state.spending}
    missing = [
        Spending(at=now(), what=f"{path.parent.name}: found in its calls", key=key, amount=cost, settled=True)
        for path in sorted((run.folder / "report").glob(f"*/{CALLS}"))
        for key, cost in Calls(path.parent).costs().items()
        if cost > 0 and key not in known
    ]
    if missing:
        run.change(spending=(*run.state.spending, *missing))
