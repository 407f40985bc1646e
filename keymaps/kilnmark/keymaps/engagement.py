"""An adapter, turned into the evidence that protocol's `judge` decides on and the report that a render carries."""

from collections.abc import Collection

from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.protocol.picture.report import AdapterReport, Evidence, UnmatchedKeys, Verdict

__all__ = ["describe", "describe_refusal", "evidence"]


def evidence(adapter: Adapter, scale: float, vanished: Collection[str] = (), same: Collection[str] = ()) -> Evidence:
    """The counts of an adapter whose updates would all be applied.

    Args:
        adapter: As it was read.
        scale: As the render asks for it.
        vanished: Targets whose update is not zero but lost in the compute precision.
        same: Targets whose update only repeats the base's own numbers.
    """
    zero = [update.target for update in adapter.updates if update.is_zero or update.target in same]
    lost = [update.target for update in adapter.updates if update.target in vanished and update.target not in zero]
    return Evidence(
        total_key_count=adapter.total_key_count,
        matched_key_count=adapter.matched_key_count,
        ignored_key_count=sum(adapter.ignored_keys.values()),
        unmatched_key_count=len(adapter.unmatched_keys),
        target_count=adapter.target_count,
        applied_target_count=adapter.target_count,
        zero_target_count=len(zero),
        vanished_target_count=len(lost),
        scale=scale,
        first_unmatched_key=next(iter(adapter.unmatched_keys), ""),
        first_zero_target=next(iter(zero or lost), ""),
    )


def describe(
    adapter: Adapter,
    scale: float,
    verdict: Verdict,
    reason: str,
    delta_ratio: float | None,
    *,
    name: str | None = None,
    applied_target_count: int | None = None,
) -> AdapterReport:
    """The report of an adapter that could be read.

    Args:
        adapter: As it was read.
        scale: As the render asks for it.
        verdict, reason: As judged; the adapter's notes are put behind the reason.
        delta_ratio: As measured on the base; None before a base has been asked.
        name: None takes the file's.
        applied_target_count: Layers that were changed; None means all that the file names.
    """
    applied = adapter.target_count if applied_target_count is None else applied_target_count
    return AdapterReport(
        name=adapter.name if name is None else name,
        path=adapter.path,
        sha256=adapter.sha256,
        scale=scale,
        convention=adapter.convention,
        kind=adapter.kind,
        rank=adapter.rank,
        total_key_count=adapter.total_key_count,
        matched_key_count=adapter.matched_key_count,
        ignored_keys=dict(adapter.ignored_keys),
        unmatched_keys=UnmatchedKeys.of(list(adapter.unmatched_keys)),
        target_count=adapter.target_count,
        applied_target_count=applied,
        delta_ratio=delta_ratio,
        verdict=verdict,
        reason="; ".join([reason, *adapter.notes]),
    )


def describe_refusal(name: str, path: AnyPath, scale: float, error: RefusedFile) -> AdapterReport:
    """The report of an adapter that was refused; `path` is what the render named."""
    return AdapterReport(name=name, path=str(path), scale=scale, verdict=Verdict.REFUSED, reason=str(error))
