"""What a batch does with decisions: reads them, draws seeds anew, marks what is stale or gone, and publishes.

The options for it, and what they come to around a plan and its painting; the batch itself is `batch`'s part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_line

if TYPE_CHECKING:
    from kilnmark.client.batch.picks.file import PicksFiles
    from kilnmark.client.batch.picks.said import Picks
    from kilnmark.client.batch.plan.plan import Plan, Wishes
    from kilnmark.client.batch.plan.tokens import TokenCounter
    from kilnmark.client.batch.published.publish import Publication
    from kilnmark.client.batch.run.ledger import Ledger
    from kilnmark.client.batch.run.picture import Picture
    from kilnmark.client.batch.run.tally import Tally

__all__ = ["PICK_OPTIONS", "Picking"]

_AS_MANY = 0
"""Seeds drawn anew: as many as the entry has pictures."""

_MOST = 100
"""Seeds that are drawn at once."""

_TOLD = 5
"""Pictures of one sort that are named one by one."""


@dataclass(frozen=True, kw_only=True)
class Picking:
    """What a batch is told of decisions.

    Attributes:
        reroll: Draw so many new seeds; 0: as many as each entry has; None: none.
        picks: The file that is written; None: the one beside the pictures.
        by: Who decides.
        prune, prune_accepted: Remove pictures whose entries are gone; those that were accepted, too.
        accepted_to: Where accepted pictures are published; None: nowhere.
    """

    reroll: int | None
    picks: Path | None
    by: str | None
    prune: bool
    prune_accepted: bool
    accepted_to: str | None

    def planned(self, wishes: "Wishes", counter: "TokenCounter", out: Path, *, dry_run: bool) -> "tuple[Plan, Wishes]":
        """The plan by what was decided, after seeds were drawn anew, and the wishes with all of that.

        Raises:
            UsageError: Seeds are to be drawn, and nobody said for which entries.
            BrokenManifest, UnusableContent, PicksHeld, FolderUnusable: Decisions cannot be read or written.
        """
        from kilnmark.client.batch.plan.plan import make_plan

        if self.reroll is not None and not wishes.only:
            raise click.UsageError("--reroll wants --only NAME: it paints these entries with other seeds")
        if self.reroll is not None and not 0 <= self.reroll <= _MOST:
            raise click.UsageError(f"--reroll draws 1 to {_MOST} seeds, not {self.reroll}")
        files = self.files(out, wishes.packs)
        wishes = replace(wishes, picks=files.read())
        for sentence in files.overruled():
            write_line(f"warning: {sentence}", aside=True)
        plan = make_plan(wishes, counter)
        if self.reroll is None:
            return plan, wishes
        wishes = replace(wishes, picks=self._rolled(plan, wishes, files, out, dry_run=dry_run))
        return make_plan(wishes, counter), wishes

    def files(self, out: Path, packs: Path) -> "PicksFiles":
        """Where decisions lie."""
        from kilnmark.client.batch.picks.file import PicksFiles

        return PicksFiles.of(out, packs, self.picks)

    def settle(self, ledger: "Ledger", plan: "Plan", wishes: "Wishes", tally: "Tally") -> None:
        """Mark what is stale or gone, remove the latter where that is asked for, and tell of both.

        Raises:
            UnusableContent, FolderUnusable: Decisions cannot be read, or the folder not written to.
        """
        from kilnmark.client.batch.run.marks import mark, pruned

        picks = self.files(ledger.folder, wishes.packs).read()
        marks = mark(ledger, plan, wishes, picks)
        tally.warnings += [f"{each.file} is stale: {each.stale or each.old}" for each in marks.stale[:_TOLD]]
        if len(marks.stale) > _TOLD:
            tally.warnings.append(f"{len(marks.stale) - _TOLD} more are stale: `kilnmark picks stale` lists them")
        going: Sequence[Picture] = ()
        if self.prune or self.prune_accepted:
            going = pruned(ledger, picks, marks.gone, accepted=self.prune_accepted)
            for each in going:
                write_line(f"removed {each.file}: no document has {each.name!r} any more", aside=True)
        if left := [each.file for each in marks.gone if each not in going]:
            tally.warnings.append(_of_gone(left, accepted=self.prune or self.prune_accepted))

    def publish(self, out: Path, packs: Path) -> "Publication | None":
        """Publish what is accepted, where that is asked for.

        Raises:
            UnusableContent, BrokenManifest, CannotPublish: It cannot be.
        """
        from kilnmark.client.batch.published.publish import publish

        if self.accepted_to is None:
            return None
        return publish(out, self.accepted_to, self.files(out, packs).read())

    def _rolled(self, plan: "Plan", wishes: "Wishes", files: "PicksFiles", out: Path, *, dry_run: bool) -> "Picks":
        from kilnmark.client.batch.picks.saying import moment_now
        from kilnmark.client.batch.run.rolling import rolled_entries
        from kilnmark.client.cli.person import login

        by, count = login() if self.by is None else self.by, self.reroll or _AS_MANY

        def roll(picks: "Picks") -> "Picks":
            return rolled_entries(plan, picks, out, count, by=by, now=moment_now())

        after = roll(wishes.picks) if dry_run else files.change(roll)
        for entry in {item.entry: None for item in plan.items}:
            seeds = after.of_entry(entry).pinned
            write_line(f"{entry}: new seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}", aside=True)
        return after


def _of_gone(files: Sequence[str], *, accepted: bool) -> str:
    named = ", ".join(files[:_TOLD]) + (f" and {len(files) - _TOLD} more" if len(files) > _TOLD else "")
    mend = "--prune-accepted removes those that were accepted, too" if accepted else "--prune removes them"
    return f"no document has the entries of {named} any more; {mend}"


PICK_OPTIONS = (
    click.option("--only", multiple=True, metavar="NAME", help="Only entries of this name. Repeat it for several."),
    click.option(
        "--reroll",
        type=int,
        is_flag=False,
        flag_value=_AS_MANY,
        metavar="[N]",
        help="Draw new seeds for the entries of --only, N of them or as many as there are pictures, and paint these.",
    ),
    click.option(
        "--picks",
        type=HomePath(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Where decisions are written. [default: picks.yaml in --out; that in --packs is read, too]",
    ),
    click.option("--by", metavar="NAME", help="Who draws seeds anew. [default: you, by your login]"),
    click.option("--prune", is_flag=True, help="Remove pictures whose entries stand in no document any more."),
    click.option("--prune-accepted", is_flag=True, help="Remove those of them too that were accepted."),
    click.option(
        "--accepted-to",
        metavar="DEST",
        help="Publish accepted pictures there when the batch is done: a folder, or an address as s3://bucket/pictures.",
    ),
)
