"""`kilnmark lab train`: a run's training begun, or gone on with."""

from pathlib import Path

import click
import msgspec

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.lab.cli.views.next import tell_next
from kilnmark.lab.run.trained import Checkpoint, Training

__all__ = ["TrainedRun", "train"]


class TrainedRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a training came to.

    Attributes:
        run: The run's folder, as it was named.
        training: All that is known of it.
        checkpoints: The run's adapters.
        spent: Of the run's budget, with what is reserved.
        limit: The budget.
        currency: Of both.
    """

    run: str
    training: Training
    checkpoints: tuple[Checkpoint, ...]
    spent: float
    limit: float
    currency: str


@click.command(short_help="Train, or go on where a training stopped.")
@click.argument("run", type=HomePath(path_type=Path))
@click.option("--new-training", is_flag=True, help="Train anew; what was trained before stays, and stays paid for.")
@click.option("--adopt", metavar="ID", help="Go on with this training of the remote's.")
@click.option("--cancel", is_flag=True, help="End the remote training.")
@json_option
def train(run: Path, *, new_training: bool, adopt: str | None, cancel: bool, as_json: bool) -> None:
    """Train RUN with the trainer that its run.toml names, or go on where that stopped.

    Ctrl-C ends a trainer on this machine, and the same command goes on from its newest checkpoint where the trainer
    can. A remote training goes on without this command; the same command then waits for it again, and never starts a
    second one. What may cost more than the budget is not begun.
    """
    from kilnmark.client.tracing import traced_command
    from kilnmark.lab.run.folder import read_state
    from kilnmark.lab.run.plan import read_plan
    from kilnmark.lab.run.progress import show_training
    from kilnmark.lab.run.spending import spent_of
    from kilnmark.lab.training.train import Wish, train_run

    if new_training and (adopt or cancel):
        raise click.UsageError("--new-training begins another training; it does not go with --adopt or --cancel")
    with traced_command(measured=True) as measures:
        show_training(measures, run)
        training = train_run(run, lambda line: write_line(line, aside=True), Wish(new_training, adopt, cancel))
    state, budget = read_state(run), read_plan(run).budget
    checkpoints = state.checkpoints if state else ()
    spent = spent_of(state) if state else 0.0
    if as_json:
        write_document(
            TrainedRun(
                run=str(run),
                training=training,
                checkpoints=checkpoints,
                spent=spent,
                limit=budget.limit,
                currency=budget.currency,
            )
        )
        return
    write_line(f"{training.status}: {len(checkpoints)} checkpoints, {spent:.2f} {budget.currency} spent")
    for checkpoint in checkpoints:
        write_line(f"  step {checkpoint.step}: {run / checkpoint.file} ({checkpoint.verdict})")
    tell_next(run)
