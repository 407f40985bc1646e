"""An inspected file as people read it: one block of facts a file, and one line for all of them.

Whatever comes from a file is shown as it stands, control characters spelled out, and never more of it than fits a
screen; the document of `--json` has the rest.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kilnmark.client.cli.views.tables import VERDICT_COLOURS, plain, print_facts
from kilnmark.keymaps.errors import shorten
from kilnmark.keymaps.inspection import Inspected
from kilnmark.keymaps.updates.made import has_bounded_rank
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.inspection import Inspection, Metadata, Nearest, TargetChange

__all__ = ["show_inspection", "show_inspection_count"]

_SHOWN = 5
"""Keys, ranks, words and tags that a block names before it only counts them."""


def show_inspection(out: Console, inspected: Inspected, variant: str, *, with_targets: bool) -> None:
    """One file: the verdict first, then what it rests on, then what the file says of itself."""
    inspection = inspected.inspection
    out.print(plain(inspection.path, "bold"), soft_wrap=True)
    print_facts(out, [(f"  {name}", value) for name, value in _facts(inspected, variant)])
    if with_targets and inspection.targets:
        out.print(_targets_table(inspection.targets))
    out.print()


def show_inspection_count(out: Console, judged: Sequence[tuple[str, Verdict]], variant: str) -> None:
    """How many files there were, by verdict, and which of them are not engaged.

    Args:
        judged: Paths and what they were judged.
        variant: The one that they were held to, so that nobody takes a file for dead that another model takes.
    """
    counts = Counter(verdict for _, verdict in judged)
    parts = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict])
    out.print(f"{counts.total()} files, held to {variant} (--variant): {parts}", soft_wrap=True)
    if unwell := [(path, verdict) for path, verdict in judged if verdict is not Verdict.ENGAGED]:
        unwell.sort(key=lambda each: list(Verdict).index(each[1]))
        print_facts(out, [(f"  {verdict.value}", path) for path, verdict in unwell])


def _facts(inspected: Inspected, variant: str) -> Iterator[tuple[str, str | Text]]:
    inspection = inspected.inspection
    yield "verdict", Text(inspection.verdict.value, style=VERDICT_COLOURS[inspection.verdict])
    yield "reason", inspection.reason.removeprefix(f"{inspection.path}: ")
    if inspection.total_key_count:
        yield "convention", _convention(inspected)
    if inspection.kind:
        yield "kind", f"{inspection.kind}, {_ranks(inspected)}" if inspected.ranks else inspection.kind
    if inspection.strength_from:
        yield "strength", _strength(inspection.strength_from)
    if inspection.verdict is not Verdict.REFUSED:
        yield from _counts(inspection, variant)
        yield from _size(inspection)
    if inspection.nearest:
        yield from _nearest(inspection.nearest)
    yield from _provenance(inspection.metadata)
    if inspection.sha256:
        yield "sha256", inspection.sha256


def _convention(inspected: Inspected) -> str:
    inspection = inspected.inspection
    total = inspection.total_key_count
    if not inspection.convention:
        return f"unknown: no convention explains any of the {total} keys"
    explained = round(inspected.share * total)
    if explained == total:
        return f"{inspection.convention}, which explains all {total} keys"
    return f"{inspection.convention}, which explains {explained} of {total} keys ({explained / total:.1%})"


def _ranks(inspected: Inspected) -> str:
    bound = " at most" if has_bounded_rank(inspected.inspection.kind.split("+")) else ""
    if len(inspected.ranks) == 1:
        return f"rank {inspected.inspection.rank}{bound}"
    ranks = sorted(inspected.ranks.items())
    return f"ranks{bound} " + _listed([f"{rank} (on {count} targets)" for rank, count in ranks], len(ranks))


def _strength(counts: Mapping[str, int]) -> str:
    """Who says it, and for how many modules where not one says it for all."""
    said = [_SAID_BY.get(where, where) for where in counts]
    if len(said) == 1:
        return said[0]
    return ", ".join(f"{who} ({count} modules)" for who, count in zip(said, counts.values(), strict=True))


_SAID_BY = {
    "tensor": "said by alpha tensors",
    "metadata": "said by the metadata",
    "config": "said by the config beside the file",
    "default": "alpha is the rank, since nobody says otherwise",
}


def _counts(inspection: Inspection, variant: str) -> Iterator[tuple[str, str]]:
    ignored, unknown = sum(inspection.ignored_keys.values()), inspection.unmatched_keys
    matched = f"{inspection.matched_key_count} of {inspection.total_key_count} matched"
    yield "keys", f"{matched}, {ignored} ignored, {unknown.count} unknown"
    if ignored:
        reasons = [f"{count} ({reason})" for reason, count in inspection.ignored_keys.items()]
        yield "ignored", _listed(reasons, len(reasons))
    if unknown.count:
        yield "unknown", _listed([shorten(key) for key in unknown.first], unknown.count)
    yield "targets", f"{inspection.applied_target_count} of {inspection.target_count} layers of {variant} changed"


def _nearest(nearest: Nearest) -> Iterator[tuple[str, str]]:
    """What unknown names are most like, a line for each way in which they differ."""
    yield "nearest", f"{nearest.convention}, which says {nearest.form}; your names"
    for found in nearest.differences:
        yield "", f"{found.what} ({_keys(found.key_count)})"
        yield "", f"  {shorten(found.key)} is {shorten(found.meant)} there"


def _keys(count: int) -> str:
    return "1 key" if count == 1 else f"{count} keys"


def _size(inspection: Inspection) -> Iterator[tuple[str, str]]:
    """How large the update is, as far as the file alone tells it."""
    ratio = f"{inspection.typical_ratio:.2g} of a typical base's weights" if inspection.typical_ratio else ""
    size = f"{inspection.rms:.2g} an element" if inspection.rms else ""
    if told := ", ".join(filter(None, (ratio, size))):
        yield "size", told


def _provenance(metadata: Metadata) -> Iterator[tuple[str, str]]:
    yield from (
        (name, value)
        for name, value in (
            ("trainer", metadata.trainer),
            ("title", metadata.title),
            ("base model", " / ".join(filter(None, (metadata.base_model, metadata.architecture)))),
            ("trained", _trained(metadata)),
            ("triggers", _listed(metadata.trigger_words, len(metadata.trigger_words))),
            ("captions", _captions(metadata)),
        )
        if value
    )
    if metadata.entry_count:
        yield "metadata", f"{metadata.entry_count} entries (--json shows them)"


def _trained(metadata: Metadata) -> str:
    steps = "" if metadata.training_steps is None else f"{metadata.training_steps} steps"
    epochs = "" if metadata.epochs is None else f"{metadata.epochs} epochs"
    return ", ".join(filter(None, (steps, epochs)))


def _captions(metadata: Metadata) -> str:
    return _listed([f"{tag.tag} ({tag.count})" for tag in metadata.caption_tags], len(metadata.caption_tags))


def _listed(items: Sequence[str], count: int) -> str:
    """The first items, and how many of `count` are not named."""
    shown = items[:_SHOWN]
    rest = count - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _norm(norm: float | None) -> str:
    return "-" if norm is None else f"{norm:.4g}"


def _targets_table(targets: Sequence[TargetChange]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("  target", overflow="fold")
    for heading in ("out", "in", "norm", "an element"):
        table.add_column(heading, justify="right", no_wrap=True)
    for target in targets:
        rows, columns = target.shape
        table.add_row(plain(f"  {target.path}"), str(rows), str(columns), _norm(target.norm), _norm(target.rms))
    return table
