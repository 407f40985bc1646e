"""A training at a remote from wherever it stands to its end: started, followed, fetched, its checkpoints taken."""

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.plan import RemotePlan
from kilnmark.lab.run.trained import Training, TrainingStatus
from kilnmark.lab.training.archives import left_in
from kilnmark.lab.training.collect import is_dead, take
from kilnmark.lab.training.errors import DeadCheckpoint, RemoteAway, TrainerUnusable
from kilnmark.lab.training.local import OUTPUT
from kilnmark.lab.training.record import current, ended, folder_of, update
from kilnmark.lab.training.remote.fetch import fetched
from kilnmark.lab.training.remote.follow import followed
from kilnmark.lab.training.remote.key import read_key
from kilnmark.lab.training.remote.start import started
from kilnmark.lab.training.remote.wire import Remote

__all__ = ["remote_of", "remote_plan", "take_fetched", "train_there"]


def remote_plan(run: Run) -> RemotePlan:
    """How a run's remote is asked.

    Raises:
        TrainerUnusable: `run.toml` does not say.
    """
    plan = run.plan.training.remote
    if plan is None:
        raise TrainerUnusable("remote", "run.toml does not say which", "write a section [training.remote] there")
    return plan


@contextmanager
def remote_of(plan: RemotePlan) -> Iterator[Remote]:
    """The remote of a run, with the key that the environment has.

    Raises:
        KeyUnusable: It has none.
        NotInstalled: Packages are missing.
        TrainerUnusable: Its address is none that a key is sent to.
    """
    remote = Remote(plan, read_key(plan.key_variable))
    try:
        yield remote
    finally:
        remote.close()


def train_there(run: Run, remote: Remote, dataset: Callable[[], Path], tell: Callable[[str], None]) -> Training:
    """Train at a remote, from wherever the run's training stands.

    Args:
        run: Whose training is recorded.
        remote: Who trains.
        dataset: Makes the zip that it is given; asked only where nothing was uploaded yet.
        tell: Takes lines for people.

    Raises:
        OverBudget, RemoteProblem, TrainingUncertain: It was not started, or nobody knows.
        TrainingEnded: It failed, in the remote's own words.
        DeadCheckpoint: What came of it changes nothing.
    """
    plan, training = remote_plan(run), current(run)
    needs_dataset = training.remote_id is None and not training.is_asked and training.upload is None
    zipped = dataset() if needs_dataset else Path()
    training_id = started(run, plan, remote, zipped, tell)
    try:
        addresses = followed(run, plan, remote, training_id, tell)
    except KeyboardInterrupt:
        tell(f"training {training_id} goes on at the remote; the same command waits for it again, `--cancel` ends it")
        raise
    for path in fetched(run, plan, remote, addresses, tell):
        _taken(run, path, tell)
    if not any(known.origin == "trained" for known in run.state.checkpoints):
        raise ended(run, TrainingStatus.FAILED, "there is no adapter in its output", "look into the training's folder")
    return update(run, status=TrainingStatus.SUCCEEDED, ended=now(), step=max(current(run).step, _last(run)))


def take_fetched(run: Run, tell: Callable[[str], None]) -> None:
    """Take the adapters of what was fetched before."""
    output = folder_of(run) / OUTPUT
    for path in sorted(output.iterdir()) if output.is_dir() else ():
        if not path.name.startswith("."):
            _taken(run, path, tell)


def _last(run: Run) -> int:
    return max(known.step for known in run.state.checkpoints if known.origin == "trained")


def _taken(run: Run, path: Path, tell: Callable[[str], None]) -> None:
    """Take the adapters of one output; one whose name tells no step is that of the last."""
    try:
        adapters = left_in(path)
    except (zipfile.BadZipFile, tarfile.TarError) as error:  # since it was fetched; it is fetched again
        raise RemoteAway(f"reading {path.name}", str(error), was_sent=True) from error
    for left in adapters:
        step = left.step or current(run).steps
        try:
            found = take(run, left, step)
        except RefusedFile as error:  # it is paid for, so nothing ends here
            mend = "say another [training] convention in run.toml, or none; the same command then goes on"
            raise TrainerUnusable("remote", f"{left.name}: {error}", mend) from error
        tell(f"{found.file}: {found.verdict}, {found.matched_key_count} of {found.total_key_count} keys")
        if is_dead(found):
            reason = found.reason or found.verdict
            ended(run, TrainingStatus.DEAD, reason, "")
            raise DeadCheckpoint(str(run.folder), found.file, reason)
