"""An adapter, turned into the evidence that protocol's `judge` decides on, and with its judgement into a report."""

from collections.abc import Collection, Sequence

from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.errors import cut
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.names.blocks import LayerScales
from kilnmark.protocol.picture.evidence import Evidence
from kilnmark.protocol.picture.report import AdapterReport, UnmatchedKeys
from kilnmark.protocol.picture.verdict import Judged, judge

__all__ = ["describe", "describe_refusal", "evidence"]


_RESTING = (
    "magnitudes stand beside matrices of zeros on {} layers, as before the first step of training; on a base they are "
    "measured"
)


def evidence(
    adapter: Adapter,
    scale: float | LayerScales,
    *,
    vanished: Collection[str] = (),
    same: Collection[str] = (),
    delta_ratio: float | None = None,
    typical_ratio: float | None = None,
    loudest: tuple[str, float] = ("", 0.0),
    quantized_survival: float | None = None,
) -> Evidence:
    """What is known of an adapter whose updates would all be applied.

    Args:
        adapter: As it was read.
        scale: As the render asks for it: one, or what those for some blocks come to.
        vanished: Targets whose update is not zero but lost in the compute precision.
        same: Targets whose update only repeats the base's own numbers.
        delta_ratio, quantized_survival: As measured on the base; None before a base has been asked.
        typical_ratio: What it would be on a typical base; None where one was asked, and where only one can tell.
        loudest: The layer that nearly all of its change is in, and its ratio, as `loudest_of` gives them.
    """
    resting = [] if delta_ratio is not None else [update.target for update in adapter.updates if update.rests]
    nothing = {*same, *resting}
    zero = [update.target for update in adapter.updates if update.is_zero or update.target in nothing]
    on_layers = scale if isinstance(scale, LayerScales) else None
    silent = _silent(adapter, on_layers, zero)
    dead = {*zero, *silent}
    lost = [update.target for update in adapter.updates if update.target in vanished and update.target not in dead]
    return Evidence(
        total_key_count=adapter.total_key_count,
        matched_key_count=adapter.matched_key_count,
        ignored_key_count=sum(adapter.ignored_keys.values()),
        ignored_for=", ".join(adapter.ignored_keys),
        unmatched_key_count=len(adapter.unmatched_keys),
        first_unmatched_key=cut(next(iter(adapter.unmatched_keys), "")),
        target_count=adapter.target_count,
        applied_target_count=adapter.target_count,
        zero_target_count=len(zero),
        vanished_target_count=len(lost),
        first_zero_target=next(iter(zero or lost), ""),
        scale=scale.reached[-1].scale if isinstance(scale, LayerScales) else scale,
        silent_target_count=len(silent),
        block_scales=() if on_layers is None else on_layers.reached,
        delta_ratio=delta_ratio,
        belied=adapter.belied,
        typical_ratio=typical_ratio,
        loudest_target=loudest[0],
        loudest_ratio=loudest[1],
        quantized_survival=quantized_survival,
        notes=(*adapter.notes, *([_RESTING.format(len(resting))] if resting else [])),
        nearest=adapter.elsewhere or (str(adapter.nearest) if adapter.nearest else ""),
    )


def _silent(adapter: Adapter, on_layers: LayerScales | None, zero: Sequence[str]) -> list[str]:
    """Targets that are left alone on purpose, at scale 0 beside others; those that are zero anyhow do not count."""
    if on_layers is None:
        return []
    pairs = zip(adapter.updates, on_layers.scales, strict=True)
    return [update.target for update, scale in pairs if not scale and update.target not in set(zero)]


def describe(adapter: Adapter, found: Evidence, judged: Judged, *, name: str | None = None) -> AdapterReport:
    """The report of an adapter that could be read.

    Args:
        adapter: As it was read.
        found: What was found out about it.
        judged: As `judge` judged that.
        name: None takes the file's.
    """
    return AdapterReport(
        name=adapter.name if name is None else name,
        path=adapter.path,
        sha256=adapter.sha256,
        scale=found.scale,
        convention=adapter.convention,
        kind=adapter.kind,
        rank=adapter.rank,
        total_key_count=adapter.total_key_count,
        matched_key_count=adapter.matched_key_count,
        ignored_keys=dict(adapter.ignored_keys),
        unmatched_keys=UnmatchedKeys.of(list(adapter.unmatched_keys)),
        target_count=adapter.target_count,
        applied_target_count=judged.changed_target_count,
        delta_ratio=found.delta_ratio,
        probe_divergence=found.probe_divergence,
        effective_share=found.effective_share,
        stack_share=found.stack_share,
        group_shares=dict(found.group_shares),
        undone_targets=found.undone,
        drowned_targets=found.drowned,
        quantized_survival=found.quantized_survival,
        usual_scale=judged.usual_scale,
        strong_target=judged.strong_target,
        verdict=judged.verdict,
        reason=judged.reason,
        strength_from=dict(adapter.strength_from),
        made_for=adapter.made_for,
        config_sha256=adapter.config_sha256,
        block_scales=found.block_scales,
    )


def describe_refusal(name: str, path: AnyPath, found: Evidence) -> AdapterReport:
    """The report of an adapter that could not be read; `path` is what the render named."""
    judged = judge(found)
    return AdapterReport(
        name=name,
        path=str(path),
        scale=found.scale,
        verdict=judged.verdict,
        reason=judged.reason,
        block_scales=found.block_scales,
    )
