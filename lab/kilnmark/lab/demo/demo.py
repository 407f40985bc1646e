"""The demonstration of the lab: one run from pictures drawn by code to an adapter that production trusts, for real.

Every step is the library's own call, in the order of the runbook; `mini` is trained and paints on this machine, in a
daemon of its own. What has to be so is held at the end. What is decided, `recipe` says.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kilnmark.client.cli.commands.serve import require_daemon
from kilnmark.client.cli.demo.own_daemon import own_daemon
from kilnmark.client.sync import Client
from kilnmark.lab.dataset.recorded import preflight_run
from kilnmark.lab.demo.prints import write_dataset
from kilnmark.lab.demo.recipe import BASE, GENRE, NAME, PAIRS, SCENE, SIZE, TIER, demo_plan, write_bars, write_pack
from kilnmark.lab.demo.told import DemoHold, DemoStep, LabDemoResult
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.gate.of_run import asked_of, sign_run, verify_run
from kilnmark.lab.judging.judge import JudgeWishes, judge_run
from kilnmark.lab.pages.export import export_site
from kilnmark.lab.promotion.candidate import candidate_of
from kilnmark.lab.promotion.promote import note_in_run, promote
from kilnmark.lab.run.folder import open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.state import Outcome
from kilnmark.lab.sweep.deploy import deploy
from kilnmark.lab.sweep.report import SweepReport
from kilnmark.lab.sweep.sweep import sweep
from kilnmark.lab.training.train import train_run
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.settings import Settings

__all__ = ["run_demo"]

SIGNER = "kilnmark lab demo"
WITHIN = 600.0
"""Seconds that all of it may take on two cores with nothing else to do."""

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
        KilnmarkError: A step could not be taken; what was done lies in the folder.
    """
    require_daemon()
    output = output.absolute()
    story = _Story(output, tell)
    story.begin()
    story.train()
    with tempfile.TemporaryDirectory(prefix="kilnmark-lab-") as folder:
        settings = Settings(
            socket=Path(folder) / "daemon.sock",
            variant=BASE,
            output_dir=Path(folder) / "pictures",
            lora_roots=(output / "runs",),
            packs=output / "packs",
        )
        with own_daemon(settings, output / "daemon.log") as socket, Client(socket) as client:
            story.evaluate(client)
            story.serve(client)
    story.show()
    return story.result()


class _Story:
    """One demonstration while it is told."""

    def __init__(self, output: Path, tell: Tell) -> None:
        self._output, self._tell, self._began = output, tell, time.monotonic()
        self._run = output / "runs" / NAME
        self._loras = output / "packs" / GENRE / "loras"
        self._steps: list[DemoStep] = []
        self._holds: list[DemoHold] = []
        self._report: SweepReport | None = None
        self._promoted: str | None = None

    def begin(self) -> None:
        """Draw the dataset and look at it."""
        with self._step("dataset") as said:
            self._output.mkdir(parents=True, exist_ok=True)
            for name in _FOLDERS:
                shutil.rmtree(self._output / name, ignore_errors=True)
            drawn = list(write_dataset(self._output / "pictures", PAIRS, SIZE))
            new_run(self._run, demo_plan("../../pictures"))
            write_bars(self._run)
            write_pack(self._output / "packs", lists=False)
            said.append(f"{len(drawn)} pictures drawn")
        with self._step("preflight") as said, open_run(self._run) as run:
            report = preflight_run(run).report
            said.append(f"{report.pairs} pairs, of which nothing is refused" if report.passed else "refused")
        self._hold("dataset", "the dataset can be trained on", report.passed)

    def train(self) -> None:
        """Train, which takes most of the time."""
        with self._step("train") as said:
            training = train_run(self._run, self._tell)
            said.append(f"{training.step} steps by {training.trainer}")

    def evaluate(self, client: Client) -> None:
        """Paint the checkpoints, pick one, put it before the gate, and have its pictures judged."""
        with self._step("sweep") as said, open_run(self._run) as run:
            client.warm_up()
            self._report = sweep(run, client)
            picked, last = self._report.picked, max(one.step for one in run.state.checkpoints)
            said.append(f"step {picked.step}: {picked.why}" if picked else "no checkpoint passes every bar")
            self._hold("checkpoints", "there are five checkpoints", len(run.state.checkpoints) == 5)  # noqa: PLR2004
            self._hold("pick", "one of them is picked, and not the last", picked is not None and picked.step < last)
            missed = [verdict.missed for verdict in self._report.verdicts if verdict.row.step == last]
            self._hold("overtrained", "the last one misses a bar", all(missed))
        if picked is None:
            raise RunUnusable(str(self._run), "no checkpoint passes every bar", f"look at {self._report.sheet}")
        with self._step("verify") as said, open_run(self._run) as run:
            found = verify_run(client, run, asked_of(run, None)).report
            said.append(f"{found.outcome}{''.join(f'; {reason}' for reason in found.reasons)}")
            self._hold("gate", "the gate passes it", found.outcome is Outcome.PASSED)
            if found.outcome is Outcome.PASSED:
                sign_run(run, SIGNER, asked=False)
        with self._step("judge") as said, open_run(self._run) as run:
            judged = judge_run(run, client, JudgeWishes(), lambda line: None)  # noqa: ARG005
            said.append(f"{judged.verdict} by {judged.judge.name}")
            self._hold("judge", "the judge says PROCEED", judged.verdict == "PROCEED")

    def serve(self, client: Client) -> None:
        """Put it where it serves, which it may not before it is promoted."""
        with self._step("deploy") as said, open_run(self._run) as run:
            said.append(deploy(run, str(self._loras)).where)
            write_pack(self._output / "packs", lists=True)
        with self._step("before promotion") as said:
            refused = self._refusal(client)
            said.append(refused or "it was painted with")
            self._hold("refused", "what is not promoted is refused", bool(refused))
        with self._step("promote") as said, open_run(self._run) as run:
            done = promote(
                candidate_of(run, None, self._output / "packs"), self._output / "packs", GENRE, signed_by=SIGNER
            )
            note_in_run(run, GENRE, done.adapter, by=done.adapter.signed_by)
            self._promoted = done.adapter.sha256
            said.append(f"{done.adapter.name} in {GENRE}")
        with self._step("render") as said:
            result = client.render(SCENE, genre=GENRE, tier=TIER, seed=7, cache=False, draft=False)
            shutil.copyfile(result.image_path, self._picture)
            reports = result.loras
            said.append(", ".join(f"{report.name}: {report.verdict}" for report in reports))
            serves = [(report.sha256, report.verdict) for report in reports] == [(self._promoted, Verdict.ENGAGED)]
            self._hold("serves", "what is promoted serves, and engages", serves)

    def show(self) -> None:
        """Export the pages."""
        with self._step("export") as said:
            done = export_site(self._output / "runs", self._output / "site")
            self._page = done.index
            said.append(f"{done.pages} pages with {done.pictures} pictures")
            self._hold("page", "the page shows everything", not done.missing)

    def result(self) -> LabDemoResult:
        """All that was found."""
        seconds = time.monotonic() - self._began
        self._hold("time", f"it takes less than {WITHIN / 60:g} minutes", seconds < WITHIN)
        with open_run(self._run) as run:
            state = run.state
        assert self._report is not None  # noqa: S101 - `evaluate` was there
        return LabDemoResult(
            run=str(self._run),
            steps=tuple(self._steps),
            checkpoints=tuple(checkpoint.step for checkpoint in state.checkpoints),
            missed={str(verdict.row.step): verdict.missed for verdict in self._report.verdicts},
            pick=self._report.picked.step if self._report.picked else None,
            why=self._report.picked.why if self._report.picked else "",
            verification=str(state.verification.outcome) if state.verification else "",
            judgement=state.judgements[-1].verdict if state.judgements else "",
            promoted=self._promoted,
            holds=tuple(self._holds),
            sheet=str(self._run / self._report.sheet),
            page=str(self._page),
            picture=str(self._picture),
            seconds=seconds,
        )

    @property
    def _picture(self) -> Path:
        return self._output / "promoted.png"

    def _refusal(self, client: Client) -> str:
        """Why a picture of the genre is not painted; empty where it is."""
        try:
            client.render(SCENE, genre=GENRE, tier=TIER, seed=7, cache=False, draft=False)
        except KilnmarkError as error:
            return str(error)
        return ""

    def _hold(self, name: str, says: str, holds: bool) -> None:  # noqa: FBT001 - what is held
        self._holds.append(DemoHold(name, says, holds))
        if not holds:
            self._tell(f"NOT SO: {says}")

    @contextmanager
    def _step(self, name: str) -> Iterator[list[str]]:
        """One step; what is appended within is said of it."""
        said: list[str] = []
        began = time.monotonic()
        self._tell(f"{name} ...")
        yield said
        seconds = time.monotonic() - began
        self._steps.append(DemoStep(name, seconds, "; ".join(said)))
        self._tell(f"{name}: {'; '.join(said)} ({seconds:.0f} s)")
