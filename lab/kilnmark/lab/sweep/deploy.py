"""The picked adapter put where it is used, under its final name; what evaluation made for itself is taken away."""

import shlex
from pathlib import Path

import msgspec

from kilnmark.keymaps.files.beside import config_beside
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.standing import adapter_of_run, verification_of
from kilnmark.lab.run.state import Checkpoint, Deployment, Outcome
from kilnmark.lab.sweep.copies import AdapterCopies
from kilnmark.lab.sweep.errors import CannotDeploy
from kilnmark.lab.sweep.slots import DeploySlot, slot_of

__all__ = ["Deployed", "deploy"]


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment came to.

    Attributes:
        where: The path or address of the adapter.
        slot: What kind of place it is.
        step: The checkpoint's.
        scale: At which it is to be used.
        sha256: Of its bytes, which were read back from there.
        was_there: It was there already.
        replaced: Hash of the file whose place it took; None: there was none.
        removed: Copies that evaluation had made, and that are gone.
        left: Why others of them stay, in sentences.
        notes: What people should know, in sentences.
    """

    where: str
    slot: str
    step: int
    scale: float
    sha256: str
    was_there: bool = False
    replaced: str | None = None
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def deploy(run: Run, to: str, *, replace: bool = False) -> Deployed:
    """Put the picked adapter into a place.

    Args:
        run: Held by the caller.
        to: A folder, or an address as fsspec has them.
        replace: Take the place of another adapter of its name, which this run did not put there.

    Raises:
        CannotDeploy: Nothing is picked, its file is another by now, the place has another adapter of its name, or
            cannot be written to.
        NotInstalled: An address was given, and fsspec is not there.
        RunUnusable: A file of the run cannot be read or written.
    """
    checkpoint = adapter_of_run(run.state)
    sweep = run.state.sweep
    if checkpoint is None or sweep is None or sweep.pick is None:
        folder = str(run.folder)
        mend = f"sweep, or pick one with `{shlex.join(['kilnmark', 'lab', 'sweep', folder])} --pick STEP`"
        raise CannotDeploy(folder, "no checkpoint is picked", mend)
    file = _checked(run, checkpoint, to)
    slot = slot_of(to, f"{run.plan.name}.safetensors")
    there = slot.sha256()
    is_other = there not in {None, checkpoint.sha256}
    if (
        is_other
        and not replace
        and not any((one.where, one.sha256) == (slot.where, there) for one in run.state.deployments)
    ):
        raise CannotDeploy(
            slot.where, f"another adapter is there (sha256 {there})", "give --replace, or another `name` in run.toml"
        )
    if there != checkpoint.sha256:
        slot.put(file, checkpoint.sha256)
    _write_down(run, slot, checkpoint)
    removal = AdapterCopies(run).remove()
    return Deployed(
        where=slot.where,
        slot=slot.kind,
        step=checkpoint.step,
        scale=sweep.pick.scale,
        sha256=checkpoint.sha256,
        was_there=there == checkpoint.sha256,
        replaced=there if is_other else None,
        removed=removal.removed,
        left=removal.left,
        notes=_notes(run, checkpoint),
    )


def _checked(run: Run, checkpoint: Checkpoint, to: str) -> Path:
    """The file of a checkpoint, which is what was painted and says all that it is."""
    file = run.folder / checkpoint.file
    if not is_unspoilt(file, checkpoint.sha256):
        raise CannotDeploy(to, f"{file} is not the checkpoint that was picked", "put it back, or pick another one")
    if (config := config_beside(file)) is not None:
        raise CannotDeploy(
            to,
            f"how strong {file.name} is stands in {config}, which cannot go with it into a shared place",
            "write both into one file with `kilnmark lora remap`, and bring that in with `kilnmark lab import`",
        )
    return file


def _write_down(run: Run, slot: DeploySlot, checkpoint: Checkpoint) -> None:
    """Once for each place and content."""
    made = Deployment(at=now(), where=slot.where, slot=slot.kind, sha256=checkpoint.sha256)
    others = tuple(one for one in run.state.deployments if (one.where, one.sha256) != (made.where, made.sha256))
    run.change(deployments=(*others, made))


def _notes(run: Run, checkpoint: Checkpoint) -> tuple[str, ...]:
    found = verification_of(run.state)
    if found is None or found.sha256 != checkpoint.sha256:
        return ("the gate has not looked at it yet: `kilnmark lab verify` does",)
    if found.outcome is Outcome.FAILED:
        return ("the gate refused it: its report says why",)
    return ()
