"""`lab train` as a call: a run's training begun, gone on with, adopted or cancelled, by what its state says.

What is asked twice is done once. Nothing that is over begins again unless a person asks for a new training.
"""

from dataclasses import dataclass
from pathlib import Path

from kilnmark.lab.dataset.recorded import trainer_input
from kilnmark.lab.judging.endpoints import FORMS
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.run.trained import Training, TrainingStatus
from kilnmark.lab.training.collect import Collector
from kilnmark.lab.training.commands import checkout_of, started_in, whole_command
from kilnmark.lab.training.environment import changes, environment_of
from kilnmark.lab.training.errors import EnvironmentChanged, NewTrainingNeeded, TrainerUnusable
from kilnmark.lab.training.inputs import inputs_for
from kilnmark.lab.training.local import LOCK, OUTPUT, Tell, attach, clear_output, newest, resumable, run_trainer
from kilnmark.lab.training.process import is_alive, is_held
from kilnmark.lab.training.record import begin, current, evidence, folder_of, numbers_of, update
from kilnmark.lab.training.remote.asked import recall_asked
from kilnmark.lab.training.remote.drive import remote_of, remote_plan, take_fetched, train_there
from kilnmark.lab.training.remote.follow import cancel
from kilnmark.lab.training.remote.start import adopt, started
from kilnmark.lab.training.trainers import Trainer, trainer_of

__all__ = ["Wish", "train_run"]

_KEYS = ("REPLICATE_API_TOKEN", *(variable for _, variable in FORMS.values()))


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants beyond going on.

    Attributes:
        new_training: Another training in the place of the one that is recorded.
        adopt: The remote's id of the training that is the run's.
        cancel: The end of the remote training.
    """

    new_training: bool = False
    adopt: str | None = None
    cancel: bool = False


def train_run(folder: Path, tell: Tell, wish: Wish | None = None) -> Training:
    """Train a run, from wherever its training stands.

    Args:
        folder: The run's.
        tell: Takes lines for people.
        wish: None: nothing beyond going on.

    Returns:
        The training, which has succeeded; also where it had before.

    Raises:
        TrainingProblem: It does not begin, does not go on, or came to nothing.
        OverBudget: It may cost more than is left.
        RunMissing, RunInUse, RunUnusable: The run cannot be held.
    """
    asked = wish or Wish()
    with open_run(folder) as run:
        trainer = trainer_of(run.plan)
        _check_alone(run, asked)
        if run.state.training is not None and not asked.new_training:
            return _go_on(run, trainer, asked, tell)
        trainer_input(run)
        begin(run, trainer.name, {})
        if trainer.is_remote:
            return _there(run, asked, tell)
        return _here(run, trainer, None, tell)


def _check_alone(run: Run, wish: Wish) -> None:
    """Nothing speaks of a training that would be another one's."""
    known = run.state.training
    if wish.new_training:
        lock = run.folder / known.folder / LOCK if known is not None else None
        if lock is not None and is_held(lock):
            raise NewTrainingNeeded(str(run.folder), "its trainer still works; end that process first, then")
        if known is not None and known.remote_id and known.status is TrainingStatus.RUNNING:
            raise NewTrainingNeeded(str(run.folder), "its remote training is not over: `--cancel` ends it; after that")
        return
    found = None if wish.adopt else evidence(run)
    if found is not None:
        raise NewTrainingNeeded(str(run.folder), found)


def _go_on(run: Run, trainer: Trainer, wish: Wish, tell: Tell) -> Training:
    training = current(run)
    if not _is_begun(training):
        training = _decided_anew(run, trainer)
    if training.trainer != trainer.name:
        raise EnvironmentChanged(str(run.folder), [f"trainer: {training.trainer} -> {trainer.name}"])
    if training.status is TrainingStatus.SUCCEEDED and not wish.adopt and not wish.cancel:
        _complete(run, trainer, tell)
        tell(f"it is trained: {len(run.state.checkpoints)} checkpoints")
        return current(run)
    if trainer.is_remote:
        return _there(run, wish, tell)
    if wish.adopt or wish.cancel:
        raise TrainerUnusable(trainer.name, "it trains on this machine", "--adopt and --cancel are for remotes")
    if training.status is TrainingStatus.DEAD:
        raise NewTrainingNeeded(str(run.folder), f"a checkpoint was dead: {training.failure}")
    _check_numbers(run)
    if training.process is not None and training.status is TrainingStatus.RUNNING and is_alive(training.process):
        attached = attach(run, trainer, tell)
        if attached is not None:
            return attached
    return _here(run, trainer, _last_checkpoint(run, trainer, tell), tell)


def _is_begun(training: Training) -> bool:
    """Whether anything was run or asked for; what is decided may change until then."""
    return bool(training.command) or training.is_asked or training.remote_id is not None


def _decided_anew(run: Run, trainer: Trainer) -> Training:
    """What was intended, by what `run.toml` says now; what was reserved and uploaded for it is of no use any more."""
    training = current(run)
    if training.numbers == numbers_of(run):
        return training
    run.change(spending=tuple(entry for entry in run.state.spending if entry.key != training.key))
    steps = run.plan.training.steps
    return update(run, trainer=trainer.name, numbers=numbers_of(run), steps=steps, environment={}, upload=None)


def _complete(run: Run, trainer: Trainer, tell: Tell) -> None:
    """Take checkpoints that are gone anew from the trainer's own output.

    Raises:
        NewTrainingNeeded: They are not there, either.
    """
    if not _missing(run) and run.state.checkpoints:
        return
    if trainer.is_remote:
        take_fetched(run, tell)
    else:
        for _ in Collector(run, trainer, folder_of(run) / OUTPUT).look(is_over=True):
            pass
    for file in _missing(run):
        raise NewTrainingNeeded(str(run.folder), f"{file} is gone, and its trainer's output has it no more")


def _missing(run: Run) -> list[str]:
    return [known.file for known in run.state.checkpoints if not (run.folder / known.file).is_file()]


def _check_numbers(run: Run) -> None:
    found = changes(current(run).numbers, numbers_of(run))
    if found:
        raise EnvironmentChanged(str(run.folder), found)


def _last_checkpoint(run: Run, trainer: Trainer, tell: Tell) -> Path | None:
    """The checkpoint to go on from; None: it begins anew, which is told."""
    found = newest(run) if trainer.resume is not None else None
    if found is not None:
        tell(f"going on from {found.name}")
    elif trainer.finds_its_own:
        tell(f"{trainer.name} goes on from its own last checkpoint")
    elif trainer.resume is None:
        tell(f"{trainer.name} cannot go on from a checkpoint: it begins anew")
    else:
        tell("there is no checkpoint to go on from: it begins anew")
    return found


def _here(run: Run, trainer: Trainer, checkpoint: Path | None, tell: Tell) -> Training:
    """Train on this machine."""
    folder = folder_of(run)
    inputs = inputs_for(run, trainer, folder / OUTPUT)
    resume = None if checkpoint is None else resumable(run, checkpoint, inputs.data)
    command = whole_command(run, trainer, config=inputs.given, data=inputs.data, output=folder / OUTPUT, resume=resume)
    _check_environment(run, trainer, command)
    if checkpoint is not None:
        update(run, resumed_from=run.relative(checkpoint))
    elif not trainer.finds_its_own:
        clear_output(run)
    return run_trainer(run, trainer, command, started_in(run, trainer), _keys_of(run.plan), tell)


def _keys_of(plan: RunPlan) -> tuple[str, ...]:
    """The variables of every key that a run knows of: a trainer needs none, and may print all that it has."""
    own = {plan.judge.key_from, plan.training.remote and plan.training.remote.key_variable}
    return (*_KEYS, *sorted(variable for variable in own if variable))


def _check_environment(run: Run, trainer: Trainer, command: tuple[str, ...]) -> None:
    """Versions are recorded when a training begins, and are the same as long as it goes on."""
    found = environment_of(trainer.name, command, trainer.packages, checkout_of(run))
    before = current(run).environment
    if not before:
        update(run, environment=found)
    elif changed := changes(before, found):
        raise EnvironmentChanged(str(run.folder), changed)


def _there(run: Run, wish: Wish, tell: Tell) -> Training:
    """Train at a remote."""
    plan, training = remote_plan(run), recall_asked(run)
    is_over = training.status in {TrainingStatus.FAILED, TrainingStatus.CANCELLED, TrainingStatus.DEAD}
    if is_over and not wish.adopt:
        raise NewTrainingNeeded(str(run.folder), f"its training is over, and was not begun again: {training.failure}")
    _check_numbers(run)
    with remote_of(plan) as remote:
        if wish.adopt:
            adopt(run, plan, remote, wish.adopt, tell)
        if wish.cancel:
            _check_started(run)
            started(run, plan, remote, Path(), tell)  # looked for, where its answer was lost
            cancel(run, plan, remote, tell)
        return train_there(run, remote, lambda: _zipped(run), tell)


def _check_started(run: Run) -> None:
    if current(run).remote_id is None and not current(run).is_asked:
        raise TrainerUnusable("remote", "no training is known to have been started there", "there is none to cancel")


def _zipped(run: Run) -> Path:
    """The dataset as one zip, its hash recorded."""
    inputs = inputs_for(run, trainer_of(run.plan), folder_of(run) / OUTPUT)
    update(run, zip_sha256=inputs.sha256)
    return inputs.given
