"""A run's adapter before the gate: what its plan decides of that, and what its state keeps of what came of it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kilnmark.client.sync import Client
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.gate.errors import NothingToVerify, NotSigned
from kilnmark.lab.gate.limits import GateLimits, limits_of
from kilnmark.lab.gate.report import DatasetFacts
from kilnmark.lab.gate.signing import read_signature, sign
from kilnmark.lab.gate.verify import ToVerify, Verified, verified
from kilnmark.lab.judging.references import dataset_pictures
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.run.progress import Came, nobody
from kilnmark.lab.run.standing import adapter_of_run
from kilnmark.lab.run.state import Verification

__all__ = ["asked_of", "limits_of_run", "placed", "report_folder", "sign_run", "verify_run"]

_CONFIG = "adapter_config.json"


def limits_of_run(plan: RunPlan) -> GateLimits:
    """What a run's adapters are held to.

    Raises:
        LimitsUnusable: What it changes cannot be meant.
    """
    own = plan.verify
    found = limits_of(plan.kind, own.limits, fires=own.fires)
    has_own = own.scenes or own.pattern or own.nonsense
    return msgspec.structs.replace(
        found,
        name=f"{found.name}, prompts of the run" if has_own else found.name,
        scenes=own.scenes or found.scenes,
        pattern=own.pattern or found.pattern,
        nonsense=own.nonsense or found.nonsense,
    )


def asked_of(run: Run, file: Path | None) -> ToVerify:
    """What a run wants verified.

    Args:
        run: The run.
        file: The adapter; None: the one that is picked.

    Raises:
        NothingToVerify: None is named, and none is picked.
    """
    plan, picked = run.plan, adapter_of_run(run.state)
    if file is None:
        if picked is None:
            raise NothingToVerify(f"{run.folder} has picked no checkpoint", "sweep it, or name an adapter")
        file = run.folder / picked.file
    pick = run.state.sweep.pick if run.state.sweep else None
    numbers = {"width": plan.sweep.width, "height": plan.sweep.height, "steps": plan.sweep.steps}
    pictures = tuple(dataset_pictures(run.dataset)) if run.dataset.is_dir() else None
    preflight = run.state.preflight
    return ToVerify(
        file=file.absolute(),
        kind=plan.kind,
        trigger=plan.trigger,
        base=plan.base,
        scale=pick.scale if pick else 1.0,
        seeds=plan.verify.seeds,
        numbers={name: value for name, value in numbers.items() if value is not None},
        genre=plan.genre,
        dataset=pictures,
        facts=DatasetFacts(
            path=plan.dataset.path, pictures=len(pictures or ()), sha256=preflight.sha256 if preflight else None
        ),
        name=plan.name,
    )


def verify_run(
    client: Client, run: Run, asked: ToVerify, tell: Callable[[str], None] | None = None, came: Came = nobody
) -> Verified:
    """Put an adapter of a run before the gate, and keep what came of it in the run's state.

    Raises:
        KilnmarkError: As `verified` does; the state is as it was.
    """
    limits = limits_of_run(run.plan)
    with placed(asked.file, run.plan.sweep.root and run.folder / run.plan.sweep.root) as file:
        placed_one = msgspec.structs.replace(asked, file=file)
        found = verified(client, placed_one, limits, report_folder(run, asked.file), tell, came)
    _keep(run, found, None)
    return found


def sign_run(run: Run, by: str, *, asked: bool) -> Verification:
    """Sign what the gate said of a run's adapter.

    Args:
        run: The run.
        by: Who answers for it.
        asked: Whether the person was asked; else the run's plan has to allow that nobody is.

    Raises:
        NotSigned: There is nothing to sign, or the plan does not allow it so.
    """
    verification = run.state.verification
    if verification is None:
        raise NotSigned(f"nothing of {run.folder} is verified", "verify its adapter first")
    if not asked and not run.plan.verify.unattended:
        raise NotSigned("nobody was asked", "sign at a terminal, or allow it with unattended = true under [verify]")
    report = run.folder / verification.report
    signature = sign(report, by, asked=asked)
    if signature.report_sha256 != verification.report_sha256:
        report.with_name("signed.json").unlink(missing_ok=True)
        raise NotSigned(f"{report} was changed since it was written", "verify the adapter again")
    signed = msgspec.structs.replace(verification, signed_by=signature.by)
    run.change(verification=signed)
    return signed


def report_folder(run: Run, file: Path) -> Path:
    """Where the report on an adapter of the run lies."""
    return run.report / "verify" / file.stem


@contextmanager
def placed(file: Path, root: Path | str | None) -> Iterator[Path]:
    """The adapter where the daemon reads it: as it is, or as a copy within a root, for as long as the block takes.

    Raises:
        RunUnusable: It cannot be copied there.
    """
    if not root or file.is_relative_to(Path(root).absolute()):
        yield file
        return
    place = Path(root).absolute() / f"lab-verify-{file.stem}"
    try:
        place.mkdir(exist_ok=True)
        for source in (file, file.with_name(_CONFIG)):
            if source.is_file():
                with source.open("rb") as given, written_whole(place / source.name, alone=True) as taken:
                    shutil.copyfileobj(given, taken)
    except OSError as error:
        raise RunUnusable(str(place), error.strerror or str(error), "name another [sweep] root") from error
    try:
        yield place / file.name
    finally:
        for name in (file.name, _CONFIG):
            (place / name).unlink(missing_ok=True)
        place.rmdir()


def _keep(run: Run, found: Verified, signed_by: str | None) -> None:
    report = found.report
    signature = read_signature(found.path)
    run.change(
        verification=Verification(
            at=report.at,
            sha256=report.sha256,
            outcome=report.outcome,
            report=run.relative(found.path),
            report_sha256=found.sha256,
            thresholds=report.limits,
            reasons=report.reasons,
            signed_by=signature.by if signature else signed_by,
            left_open=report.left_open,
        )
    )
