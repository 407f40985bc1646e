"""A job of the farm as a node's daemon is asked for it: the same request, with this machine's files in it."""

import hashlib
from typing import Any

from kilnmark.farm.content.cache import HeldContent
from kilnmark.farm.documents import FarmJob
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.stacks import asked_by_paths

__all__ = ["options_of", "own_id"]

_OWN = {"meta", "prompt", "job_id", "init_image", "reference_images", "notify_url"}
"""What is said otherwise here, or is nobody's business but the submitter's."""


def options_of(job: FarmJob, held: HeldContent) -> dict[str, Any]:
    """The keywords of `render` beside the prompt.

    Args:
        job: What is asked.
        held: Its files, here.
    """
    fields = [name for name in RenderParams.__struct_fields__ if name not in _OWN]
    said = {name: value for name in fields if (value := getattr(job.asked, name)) not in (None, [])}
    stack = asked_by_paths(
        [str(path) for path in held.adapters],
        [each.scale for each in job.adapters],
        [each.block_scales for each in job.adapters],
    )
    said.setdefault("draft", False)  # the node's daemon may have its own mind of that
    options = said | stack | {"variant": job.needs.variant, "job_id": job.job_id, "attached": True}
    if held.start is not None:
        options["init_image"] = str(held.start)
    if held.references:
        options["reference_images"] = [str(path) for path in held.references]
    return options


def own_id(job: FarmJob) -> str:
    """An id for the daemon that no other submitter's job has, nor this one with other files."""
    facts = "\0".join([job.submitter, job.job_id, job.stack, job.asked.prompt, str(job.asked.seed)])
    return f"farm-{hashlib.sha256(facts.encode()).hexdigest()[:40]}"
