"""What a daemon answers otherwise than when the record was made, on purpose, and why.

A field that came to be is in `ADDED`; a turn whose reply is another one is a line of `changes.ndjson` with the reply
as it is right now. Nothing else may differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.recorded.player import Heard, read_lines

__all__ = ["ADDED", "CHANGED", "CHANGES", "Change", "without_added"]

CHANGED = Path(__file__).with_name("changes.ndjson")

_REPORTS = (
    "heard.result.loras",
    "heard.result.result.loras",
    "heard.error.data.detail.loras",
    "pictures.kilnmark.loras",
)
"""Where the reports on adapters stand."""

_INSPECTIONS = ("heard.result.files", "heard.result.loras.inspection")
"""Where inspections stand."""

_TOLD_OF_FILES = {
    "strength_from": "how many of its modules have their strength from where",
    "made_for": "the base that it says it is for",
    "config_sha256": "the hash of the config beside it",
}
"""Fields that older daemons did not have in them, nor in inspections."""

_TOLD_OF_ADAPTERS = {
    "effective_share": "what is left of its change beside the others of its stack",
    "stack_share": "its part in what the whole stack changes",
    "group_shares": "the same by groups of layers",
    "undone_targets": "layers on which others of its stack undo it",
    "drowned_targets": "layers on which another of its stack changes so much more that nobody sees it",
    "quantized_survival": "what would be left of it on the numbers that a quantized base has",
    "usual_scale": "the scale to try where it is far too strong",
    "strong_target": "the one layer that it is far too strong in",
    "block_scales": "the scales that were asked for some blocks",
}
"""Fields that older daemons did not have in them."""

_TOLD_OF_SIZE = {
    "typical_ratio": "the size of its change beside the weights of a typical base",
    "rms": "the same an element",
    "usual_scale": "the scale to try where it is far too strong",
}
"""Fields that older daemons did not have in inspections."""

_BASES = ("heard.result.base", "heard.result.memory.bases.base", "pictures.kilnmark.base")
"""Where bases stand."""

_TOLD_OF_MEMORY = {
    "bases.peak_bytes": "the memory of a base's last render",
    "bases.highest_peak_bytes": "the most of all its renders",
    "bases.cold": "sizes that it could not be made warm at",
    "kernel_folder": "where compiled kernels are kept",
    "other_bytes": "what its process takes beside",
}
"""Fields that older daemons did not have in what a worker holds."""

_TOLD_OF_WORKERS = {
    "death": "what the last one that was lost had written",
    "degraded": "since when and why there is none",
    "renders": "how many this one was given",
    "recycled": "how many were replaced",
    "paces": "how long its steps take, by base and size",
}
"""Fields that older daemons did not have in the worker."""

_TOLD_OF_BASES = {"numerics": "what it computes in", "compiled": "whether its blocks are compiled"}
"""Fields that older daemons did not have in them."""

_JOBS = ("heard.result.job", "heard.result.jobs")
"""Where jobs are told of."""

_TOLD_OF_JOBS = {
    "paused": "why it is not begun",
    "accepted": "when it was taken in",
    "ended": "when it ended",
    "painted_ms": "how long its render took",
    "adapters_ms": "how long of that its adapters took",
    "cached": "whether its picture was made before",
    "prompt": "how its prompt begins",
    "style": "its genre, world and tier",
    "reason": "why it has no picture",
    "tier": "the kind of picture that was asked for",
    "genre": "the genre of its style",
    "world": "the world of its style",
    "variant": "the base that it is painted on",
    "seed": "the seed of its noise",
    "width": "how wide it is",
    "height": "how high it is",
    "image_path": "its picture",
    "image_sha256": "the hash of that file",
    "trace_id": "the trace that tells of it; none is recorded here",
    "adapters": "its stack, with the verdict of each",
    "dead": "how many of those changed nothing",
    "partial": "how many of those engaged in part",
    "notify_url": "where its end is to be told",
}
"""Fields that older daemons did not have of a job."""

_TOLD_OF_PICTURES = {
    "draft": "whether it is capped in size and steps, and no picture to be used",
    "notice": "why it must not be taken for a real one",
}
"""Fields that older daemons did not have in replies, nor the first of them in records."""

ADDED: Mapping[str, str] = {
    "heard.result.place": "the place that a style was composed for",
    "heard.result.counts_as": "the variants that bases given as directories are known to be",
    "heard.result.queue.running": "how many jobs the worker has",
    "heard.result.next": "where the next page of jobs begins",
    "heard.result.journal": "the file that accepted jobs are kept in; this daemon has none",
    "heard.result.tag": "the tag of the style's directions that belongs to it",
    "heard.result.other_problems": "what is wrong with the documents and is no matter to this render",
    "heard.result.files.nearest": "what an inspected file's unknown names are most like",
    "heard.result.loras.inspection.nearest": "the same of an adapter of a style",
    **{f"{place}.{field}": why for place in _REPORTS for field, why in (_TOLD_OF_ADAPTERS | _TOLD_OF_FILES).items()},
    **{f"{place}.{field}": why for place in _INSPECTIONS for field, why in _TOLD_OF_FILES.items()},
    **{f"{place}.{field}": why for place in _INSPECTIONS for field, why in _TOLD_OF_SIZE.items()},
    "heard.result.loras.scales": "the scales that a style has for some blocks",
    "heard.result.loras.promoted": "whether its bytes are promoted in its genre; that has no manifest here",
    "heard.result.require_promoted": "whether promoted adapters alone may be painted with",
    "heard.result.files.targets.rms": "the size of one layer's change, an element",
    **{f"{place}.numerics": "what it was painted in" for place in ("heard.result", "heard.result.result")},
    **{f"{place}.span_id": "the render's own span" for place in ("heard.result", "heard.result.result")},
    **{f"{place}.image_sha256": "the hash of its file" for place in ("heard.result", "heard.result.result")},
    **{
        f"{place}.node": "which node of a farm painted it; none did"
        for place in ("heard.result", "heard.result.result")
    },
    **{f"heard.result.worker.{field}": why for field, why in _TOLD_OF_WORKERS.items()},
    **{
        f"{place}.{field}": why
        for place in ("heard.result", "heard.result.result", "pictures.kilnmark")
        for field, why in _TOLD_OF_PICTURES.items()
    },
    "heard.result.drafts": "the bases on which drafts are painted where a request does not say",
    "heard.result.notify_hosts": "the hosts that ends may be told at; none is named here",
    "heard.result.compiling": "the size that is compiled for",
    "heard.result.power": "the machine's power and heat; no setting asks for it",
    "heard.result.error.loras": "what its adapters did",
    "heard.result.error.trace_id": "the trace that tells of it; none is recorded here",
    "heard.error.data.trace_id": "the same",
    "heard.result.kept": "whether the next daemon goes on with what is not finished; this one keeps no journal",
    "heard.result.process": "what the daemon's log could not tell",
    "heard.result.image_roots": "where pictures to start from are read from; none is named here",
    **{f"{place}.{field}": why for place in _JOBS for field, why in _TOLD_OF_JOBS.items()},
    **{f"heard.result.memory.{field}": why for field, why in _TOLD_OF_MEMORY.items()},
    **{f"{place}.{field}": why for place in _BASES for field, why in _TOLD_OF_BASES.items()},
}
"""Fields that older daemons did not send, by their path in a turn, and what they say."""


@dataclass(frozen=True, slots=True)
class Change:
    """A turn that is answered otherwise: why, and how."""

    why: str
    heard: Heard


CHANGES: Mapping[str, Change] = {
    line["heard"]["turn"]: Change(line["why"], line["heard"]) for line in read_lines(CHANGED)
}
"""By the name of the turn."""


def without_added(value: Any, before: Any, path: str = "") -> Any:
    """A message without the added fields that `before`, the message it is held against, does not have."""
    if isinstance(value, list):
        others = before if isinstance(before, list) and len(before) == len(value) else [None] * len(value)
        return [without_added(item, other, path) for item, other in zip(value, others, strict=True)]
    if not isinstance(value, dict):
        return value
    known = before if isinstance(before, dict) else {}
    kept = {}
    for key, item in value.items():
        own = f"{path}.{key}".lstrip(".")
        if key in known or own not in ADDED:
            kept[key] = without_added(item, known.get(key), own)
    return kept
