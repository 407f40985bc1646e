"""One render of a fake worker: the stages that a real one reports, the script's outcome, and a flat picture.

It waits where it is told to and stops where it is cancelled, as a real one does at its next step.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import msgspec

from kilnmark.daemon.worker.fake_picture import fake_notice, fake_preview, write_fake_picture
from kilnmark.keymaps.errors import ExchangedFile, RefusedFile, RefusedPicture
from kilnmark.keymaps.files.contents import check_unchanged
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.protocol.picture.block_scales import unmet
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.asides import Previewed
from kilnmark.protocol.wire.errors import (
    AdapterNotEngaged,
    AdapterRefused,
    Cancelled,
    PictureRefused,
    RequestError,
    StorageFailed,
)
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import Timings

__all__ = ["FakeRender", "Holds", "Script"]

PROBED = 0.01
"""The divergence that a fake worker reports of each adapter it is asked to probe."""

_REASON = "a fake worker was told to say so; it looked at no tensor"


@dataclass
class Script:
    """What fake workers do. Whatever is not named goes well.

    Attributes:
        verdicts: How an adapter is judged, by its name in the stack.
        failures: What a render ends with, by its prompt.
        unheld: Why a base cannot be held, by its variant.
        other_bytes: What a worker says that its process takes beside bases and pictures.
    """

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    failures: dict[str, RequestError] = field(default_factory=dict)
    unheld: dict[str, str] = field(default_factory=dict)
    other_bytes: int = 0


class Holds:
    """Where renders have to wait, and those that do."""

    def __init__(self) -> None:
        self._stages: frozenset[str] = frozenset()
        self._waiting: list[tuple[str, str, asyncio.Future[None]]] = []
        self._tickets = 0

    def set(self, stages: Collection[str]) -> None:
        """Wait at these stages only; those that wait at others go on."""
        self._stages = frozenset(stages)
        self._tickets = 0
        for stage, _, passed in self._waiting:
            if stage not in self._stages and not passed.done():
                passed.set_result(None)

    def go(self, steps: int) -> None:
        """Let this many waits end, those that began first, or that will begin."""
        self._tickets += steps
        for _, _, passed in self._waiting:
            if self._tickets and not passed.done():
                self._tickets -= 1
                passed.set_result(None)

    def let_pass(self, name: str) -> None:
        """End the waits of one render."""
        for _, waits, passed in self._waiting:
            if waits == name and not passed.done():
                passed.set_result(None)

    def end_all(self) -> None:
        """End the waits of all."""
        for _, _, passed in self._waiting:
            if not passed.done():
                passed.set_result(None)

    async def wait(self, stage: str, name: str, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        """Return at once where nobody has to wait, else when this one may go on, or was cancelled before it waited."""
        await asyncio.sleep(0)
        if stage not in self._stages or is_cancelled():
            return
        if self._tickets:
            self._tickets -= 1
            return
        wait = stage, name, asyncio.get_running_loop().create_future()
        self._waiting.append(wait)
        try:
            await wait[2]
        finally:
            self._waiting.remove(wait)


class FakeRender:
    """Paints one command.

    Args:
        holds: Where to wait.
        say: Called with each event.
        is_cancelled: Asked before every stage.
        shows: Asked after every denoise step, whether previews are wanted.
    """

    def __init__(
        self,
        command: work.RenderCommand,
        base: BaseInfo,
        script: Script,
        holds: Holds,
        say: Callable[[work.Event], None],
        is_cancelled: Callable[[], bool],
        shows: Callable[[], bool] = lambda: False,
    ) -> None:
        self._shows = shows
        self._command = command
        self._base = base
        self._script = script
        self._holds = holds
        self._say = say
        self._is_cancelled = is_cancelled
        self._loras: list[AdapterReport] = []
        self._exchanged = False

    async def paint(self) -> bool:
        """Go through all stages up to the painted picture; False when it ended before that, and has said so."""
        job_id, steps = self._command.job_id, self._command.steps
        try:
            await self._reach("adapters", 0)
            self._check_pictures()
            self._loras = self._reports()
            self._check_adapters()
            await self._reach("encode", 0)
            for step in range(steps + 1):
                await self._reach("denoise", step)
            if (failure := self._script.failures.get(self._command.prompt)) is not None:
                raise failure
            await self._reach("decode", steps)
        except RequestError as error:
            self._say(work.Failed(job_id=job_id, code=error.code, message=error.message, loras=self._loras))
            return False
        self._say(work.Painted(job_id=job_id))
        return True

    async def save(self, outputs: OutputFolder) -> None:
        """Write the picture and tell of it."""
        command = self._command
        self._say(work.Stepped(job_id=command.job_id, stage="save", step=command.steps, steps=command.steps))
        await self._holds.wait("save", command.job_id)
        try:
            saved = write_fake_picture(command, self._base, self._loras, outputs)
        except OSError as error:
            problem = f"the picture could not be written: {error}; make room or mend the output folder"
            self._say(work.Failed(job_id=command.job_id, code=StorageFailed.code, message=problem, loras=self._loras))
            return
        self._say(
            work.Finished(
                job_id=command.job_id,
                image_path=str(saved.path),
                image_sha256=saved.sha256,
                notice=fake_notice(command),
                timings=Timings(),
                loras=self._loras,
            )
        )

    async def _reach(self, stage: work.Stage, step: int) -> None:
        self._check()
        command = self._command
        self._say(work.Stepped(job_id=command.job_id, stage=stage, step=step, steps=command.steps))
        if stage == "denoise" and step and self._shows():
            jpeg = fake_preview(step, command.steps)
            self._say(Previewed(job_id=command.job_id, step=step, steps=command.steps, jpeg=jpeg))
        await self._holds.wait(stage, command.job_id, self._is_cancelled)
        self._check()

    def _check(self) -> None:
        if self._is_cancelled():
            raise Cancelled("the render was cancelled", job_id=self._command.job_id)

    def _reports(self) -> list[AdapterReport]:
        """A report for each adapter, in stack order. A file that cannot be read is refused, as it would be."""
        command = self._command
        scales = zip(command.lora_scales, map(unmet, command.stack_block_scales), strict=True)
        adapters = zip(command.lora_names, command.lora_paths, command.pinned_loras, scales, strict=True)
        return [msgspec.structs.replace(self._report(*each), scale=s, block_scales=b) for *each, (s, b) in adapters]

    def _report(self, name: str, path: str, wanted: str) -> AdapterReport:
        try:
            file = read_file(path)
            check_unchanged(path, file.sha256, wanted)
        except RefusedFile as error:
            self._exchanged |= isinstance(error, ExchangedFile)
            return AdapterReport(name=name, path=path, verdict=Verdict.REFUSED, reason=str(error))
        return AdapterReport(
            name=name,
            path=path,
            sha256=file.sha256,
            config_sha256=file.config.sha256 if file.config else "",
            total_key_count=len(file.tensors),
            matched_key_count=len(file.tensors),
            probe_divergence=PROBED if self._command.probe else None,
            verdict=self._script.verdicts.get(name, Verdict.ENGAGED),
            reason=_REASON,
        )

    def _check_pictures(self) -> None:
        """Raises PictureRefused where a picture to start from is not the one that was accepted; none is decoded."""
        command = self._command
        start = [] if command.start_file is None else [command.start_file]
        try:
            for path, sha256 in (*start, *command.reference_files):
                read_picture(path, None, sha256)
        except RefusedPicture as error:
            raise PictureRefused(str(error), job_id=command.job_id) from error

    def _check_adapters(self) -> None:
        """Raises AdapterRefused or AdapterNotEngaged where there is rather to be no picture."""
        if self._command.on_mismatch == "warn" and not self._exchanged:
            return
        for report in self._loras:
            if report.verdict is not Verdict.ENGAGED:
                cls = AdapterRefused if report.verdict is Verdict.REFUSED else AdapterNotEngaged
                raise cls(f"{report.name}: {report.reason}", job_id=self._command.job_id)
