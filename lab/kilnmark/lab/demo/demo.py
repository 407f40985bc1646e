"""The demonstration of the lab: one run from pictures of a style to an adapter that production trusts, for real.

Every step is the library's own call, in the order of the runbook; `mini` is trained and paints on this machine, in a
daemon of its own. What has to be so is held as it goes, and what cannot be done is told as something that does not
hold. What is decided, `recipe` says.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kilnmark.client.cli.commands.serve import require_daemon
from kilnmark.client.cli.demo.own_daemon import own_daemon
from kilnmark.client.sync import Client
from kilnmark.lab.dataset.recorded import preflight_run
from kilnmark.lab.demo.prints import write_dataset
from kilnmark.lab.demo.recipe import BASE, GENRE, NAME, SCENE, SIZE, TIER, demo_plan, demo_scenes, write_pack
from kilnmark.lab.demo.told import DemoHold, DemoStep, LabDemoResult
from kilnmark.lab.gate.of_run import asked_of, sign_run, verify_run
from kilnmark.lab.judging.judge import JudgeWishes, judge_run
from kilnmark.lab.pages.export import export_site
from kilnmark.lab.promotion.candidate import candidate_of
from kilnmark.lab.promotion.promote import note_in_run, promote
from kilnmark.lab.run.folder import open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.run.state import Outcome
from kilnmark.lab.sweep.deploy import deploy
from kilnmark.lab.sweep.report import SweepReport
from kilnmark.lab.sweep.sweep import sweep
from kilnmark.lab.training.train import train_run
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.settings import Settings

__all__ = ["DATASET", "run_demo", "whole_way"]

SIGNER = "kilnmark lab demo"
WITHIN = 600.0
"""Seconds that all of it may take on two cores with nothing else to do."""

DATASET = "../../pictures"
"""The dataset's folder, from the run's."""

_FOLDERS = ("pictures", "runs", "packs", "site")
"""What the demonstration makes in its output folder, and takes away before it begins again."""

Tell = Callable[[str], None]


def run_demo(output: Path, tell: Tell) -> LabDemoResult:
    """Go the whole way.

    Args:
        output: Folder for everything; made when absent. What an earlier demonstration left in it is replaced.
        tell: Called with a line at every stage.

    Raises:
        DaemonNotInstalled: The daemon's packages are missing.
        DaemonDidNotStart: It did not come up.
    """
    require_daemon()
    output = output.absolute()
    for name in _FOLDERS:
        shutil.rmtree(output / name, ignore_errors=True)
        (output / name).mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="kilnmark-lab-") as folder:
        settings = Settings(
            socket=Path(folder) / "daemon.sock",
            variant=BASE,
            output_dir=Path(folder) / "pictures",
            lora_roots=(output / "runs",),
            packs=output / "packs",
        )
        with own_daemon(settings, output / "daemon.log") as socket, Client(socket) as client:
            return whole_way(client, output, demo_plan(DATASET), demo_scenes(), tell)


def whole_way(client: Client, output: Path, plan: RunPlan, scenes: Sequence[str], tell: Tell) -> LabDemoResult:
    """Go the whole way with a daemon that is there, as far as it leads.

    Args:
        client: Of a daemon that serves the plan's base and reads adapters from the output's `runs`.
        output: Folder for everything, with nothing of an earlier demonstration in it.
        plan: The run's.
        scenes: What the pictures of the dataset show.
        tell: Called with a line at every stage.
    """
    story = _Story(client, output, tell)
    story.go(plan, scenes)
    return story.result()


class _Story:
    """One demonstration while it is told."""

    def __init__(self, client: Client, output: Path, tell: Tell) -> None:
        self._client, self._output, self._tell, self._began = client, output, tell, time.monotonic()
        self._run = output / "runs" / NAME
        self._loras = output / "packs" / GENRE / "loras"
        self._picture = output / "promoted.png"
        self._steps: list[DemoStep] = []
        self._holds: list[DemoHold] = []
        self._ends = False
        self._report: SweepReport | None = None
        self._promoted: str | None = None
        self._page = ""

    def go(self, plan: RunPlan, scenes: Sequence[str]) -> None:
        """Take one step after the other until one ends it; the pages show it in any case."""
        self._picture.unlink(missing_ok=True)
        steps: dict[str, Callable[[], str]] = {
            "dataset": lambda: self._paint(plan, scenes),
            "preflight": self._look,
            "train": self._train,
            "sweep": self._sweep,
            "verify": self._verify,
            "judge": self._judge,
            "deploy": self._deploy,
            "before promotion": self._ask_too_early,
            "promote": self._promote,
            "render": self._render,
        }
        for name, step in steps.items():
            if not self._ends:
                self._take(name, step)
        self._take("export", self._export)

    def _take(self, name: str, step: Callable[[], str]) -> None:
        began = time.monotonic()
        self._tell(f"{name} ...")
        try:
            said = step()
        except KilnmarkError as error:
            said = str(error)
            self._hold(name, f"the step {name} can be taken", holds=False, why=said, ends=True)
        seconds = time.monotonic() - began
        self._steps.append(DemoStep(name, seconds, said))
        self._tell(f"{name}: {said} ({seconds:.0f} s)")

    def _paint(self, plan: RunPlan, scenes: Sequence[str]) -> str:
        new_run(self._run, plan)
        write_pack(self._output / "packs", lists=False)
        drawn = list(write_dataset(self._client, self._output / "pictures", scenes, SIZE))
        return f"{len(drawn)} pictures painted and printed"

    def _look(self) -> str:
        with open_run(self._run) as run:
            report = preflight_run(run).report
        refused = "; ".join(report.refusals())
        self._hold("dataset", "the dataset can be trained on", report.passed, refused, ends=True)
        return f"{report.pairs} pairs, of which nothing is refused" if report.passed else f"refused: {refused}"

    def _train(self) -> str:
        training = train_run(self._run, self._tell)
        return f"{training.step} steps by {training.trainer}"

    def _sweep(self) -> str:
        self._client.warm_up()
        with open_run(self._run) as run:
            report = self._report = sweep(run, self._client)
            steps = [one.step for one in run.state.checkpoints]
        picked, last = report.picked, max(steps)
        told = [f"step {one.row.step}: {'; '.join(one.missed) or 'passes every bar'}" for one in report.verdicts]
        self._hold("checkpoints", "there are five checkpoints", len(steps) == 5, f"there are {len(steps)}")  # noqa: PLR2004
        missed = [one.missed for one in report.verdicts if one.row.step == last]
        self._hold("overtrained", "the last one misses a bar", all(missed), f"step {last} passes every bar")
        self._hold("pick", "one of them passes every bar and is picked", picked is not None, ". ".join(told), ends=True)
        if picked is None:
            return "no checkpoint passes every bar"
        self._hold("early", "it is not the last one", picked.step < last, f"it is step {last}")
        return f"step {picked.step}: {picked.why}"

    def _verify(self) -> str:
        with open_run(self._run) as run:
            found = verify_run(self._client, run, asked_of(run, None)).report
            passed = found.outcome is Outcome.PASSED
            if passed:
                sign_run(run, SIGNER, asked=False)
        self._hold("gate", "the gate passes it", passed, "; ".join(found.reasons), ends=True)
        return f"{found.outcome}{''.join(f'; {reason}' for reason in found.reasons)}"

    def _judge(self) -> str:
        with open_run(self._run) as run:
            judged = judge_run(run, self._client, JudgeWishes(), lambda line: None)  # noqa: ARG005
        proceeds = judged.verdict == "PROCEED"
        self._hold("judge", "the judge says PROCEED", proceeds, "; ".join(judged.reasons), ends=True)
        return f"{judged.verdict} by {judged.judge.name}"

    def _deploy(self) -> str:
        with open_run(self._run) as run:
            where = deploy(run, str(self._loras)).where
        write_pack(self._output / "packs", lists=True)
        return where

    def _ask_too_early(self) -> str:
        refused = self._refusal()
        self._hold("refused", "what is not promoted is refused", bool(refused), "it was painted with")
        return refused or "it was painted with"

    def _promote(self) -> str:
        """Put it where it serves, which it may not before."""
        packs = self._output / "packs"
        with open_run(self._run) as run:
            done = promote(candidate_of(run, None, packs), packs, GENRE, signed_by=SIGNER)
            note_in_run(run, GENRE, done.adapter, by=done.adapter.signed_by)
        self._promoted = done.adapter.sha256
        return f"{done.adapter.name} in {GENRE}"

    def _render(self) -> str:
        result = self._client.render(SCENE, genre=GENRE, tier=TIER, seed=7, cache=False)
        shutil.copyfile(result.image_path, self._picture)
        said = ", ".join(f"{report.name}: {report.verdict}" for report in result.loras)
        serves = [(report.sha256, report.verdict) for report in result.loras] == [(self._promoted, Verdict.ENGAGED)]
        self._hold("serves", "what is promoted serves, and engages", serves, said)
        return said

    def _export(self) -> str:
        done = export_site(self._output / "runs", self._output / "site")
        self._page = str(done.index)
        self._hold(
            "page", "the page shows everything", not done.missing, f"missing: {', '.join(map(str, done.missing))}"
        )
        return f"{done.pages} pages with {done.pictures} pictures"

    def result(self) -> LabDemoResult:
        """All that was found."""
        seconds = time.monotonic() - self._began
        self._hold("time", f"it takes less than {WITHIN / 60:g} minutes", seconds < WITHIN, f"it took {seconds:.0f} s")
        with open_run(self._run) as run:
            state = run.state
        picked = self._report.picked if self._report else None
        return LabDemoResult(
            run=str(self._run),
            steps=tuple(self._steps),
            checkpoints=tuple(checkpoint.step for checkpoint in state.checkpoints),
            missed={str(one.row.step): one.missed for one in self._report.verdicts} if self._report else {},
            pick=picked.step if picked else None,
            why=picked.why if picked else "",
            verification=str(state.verification.outcome) if state.verification else "",
            judgement=state.judgements[-1].verdict if state.judgements else "",
            promoted=self._promoted,
            holds=tuple(self._holds),
            sheet=str(self._run / self._report.sheet) if self._report else "",
            page=self._page,
            picture=str(self._picture) if self._picture.exists() else "",
            seconds=seconds,
        )

    def _refusal(self) -> str:
        """Why a picture of the genre is not painted; empty where it is."""
        try:
            self._client.render(SCENE, genre=GENRE, tier=TIER, seed=7, cache=False)
        except KilnmarkError as error:
            return str(error)
        return ""

    def _hold(self, name: str, says: str, holds: bool, why: str, *, ends: bool = False) -> None:  # noqa: FBT001
        """Note what has to be so.

        Args:
            name, says, holds: As they are told.
            why: The reason, told where it is not so.
            ends: Whether nothing can follow then.
        """
        self._holds.append(DemoHold(name, says, holds, "" if holds else why))
        if not holds:
            self._ends |= ends
            self._tell(f"NOT SO: {says}: {why}")
