"""From planned items to what a daemon is asked: one task a picture, in an order that changes stacks rarely.

A task knows everything that decides its pixels, so that it can be told whether a picture is the one. What is there
already and what is not is for `ledger` and `run` to find out.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from kilnmark.client.batch.plan.plan import Item
from kilnmark.client.batch.run.outputs import bare_of
from kilnmark.client.request import RenderRequest
from kilnmark.protocol.content.tiers import load_tiers
from kilnmark.protocol.picture.catalog import VARIANTS, Variant
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import Verdict

__all__ = ["Inputs", "Task", "make_tasks"]


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides a picture's pixels, save the base's own numbers.

    Attributes:
        adapters: Content hash in hex and scale of each, in stack order.
    """

    prompt: str
    negative_prompt: str | None
    seed: int
    width: int
    height: int
    steps: int
    guidance: float
    variant: str
    adapters: tuple[tuple[str, float], ...]

    @property
    def digest(self) -> str:
        """SHA-256, in hex."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    def with_hashes(self, sha256s: Sequence[str]) -> "Inputs":
        """The same with other contents in its adapter files."""
        scales = (scale for _, scale in self.adapters)
        return msgspec.structs.replace(self, adapters=tuple(zip(sha256s, scales, strict=True)))

    @classmethod
    def of_record(cls, record: PictureRecord) -> "Inputs":
        """Those that a finished picture says it was made of."""
        return cls(
            prompt=record.prompt,
            negative_prompt=record.negative_prompt,
            seed=record.seed,
            width=record.width,
            height=record.height,
            steps=record.steps,
            guidance=record.guidance,
            variant=record.base.variant,
            adapters=tuple((report.sha256, report.scale) for report in record.loras),
        )


@dataclass(frozen=True)
class Task:
    """One picture to have.

    Attributes:
        item: What was planned.
        bare: It is to be painted without the item's adapters.
        output: Its place, from the batch's folder, with forward slashes.
        inputs: What it is made of; `variant` is the base that this daemon paints it on.
    """

    item: Item
    bare: bool
    output: str
    inputs: Inputs

    @cached_property
    def digest(self) -> str:
        """Of its inputs."""
        return self.inputs.digest

    @property
    def paths(self) -> tuple[str, ...]:
        """Its adapter files, in stack order."""
        return () if self.bare else tuple(adapter.path for adapter in self.item.adapters)

    @property
    def stack(self) -> tuple[str, tuple[tuple[str, float], ...]]:
        """What has to be on which base for it."""
        return self.inputs.variant, self.inputs.adapters

    def is_shown_by(self, record: PictureRecord, fingerprint: str) -> bool:
        """Whether a finished picture is the one.

        Args:
            record: What the picture says of itself.
            fingerprint: Of the base that there is now; empty where that is not known, and any will do.
        """
        engaged = all(report.verdict is Verdict.ENGAGED for report in record.loras)
        return engaged and fingerprint in ("", record.base.fingerprint) and Inputs.of_record(record) == self.inputs

    def job_id(self, fingerprint: str) -> str:
        """The name under which the daemon paints it: the same in every run, as long as nothing has changed."""
        whole = [self.digest, fingerprint, self.paths, self.item.tier]
        return f"batch-{hashlib.sha256(msgspec.json.encode(whole)).hexdigest()[:40]}"

    def request(self, fingerprint: str, *, anew: bool) -> RenderRequest:
        """What the daemon is asked. Batches leave the way to those who wait for a single picture.

        Args:
            fingerprint: As of `job_id`.
            anew: Paint it even if the daemon has it.
        """
        inputs = self.inputs
        request: RenderRequest = {
            "prompt": inputs.prompt,
            "negative_prompt": inputs.negative_prompt,
            "tier": self.item.tier if self.item.tier in load_tiers() else None,
            "variant": inputs.variant,
            "seed": inputs.seed,
            "steps": inputs.steps,
            "guidance": inputs.guidance if _of(inputs.variant).guided else None,
            "width": inputs.width,
            "height": inputs.height,
            "lora_paths": self.paths,
            "lora_scales": [scale for _, scale in inputs.adapters],
            "priority": "low",
        }
        if anew:
            request["cache"] = False
        else:
            request["job_id"] = self.job_id(fingerprint)
        return request


def make_tasks(
    items: Iterable[Item], served: Sequence[str], default: str, sha256_of: Callable[[str], str], *, compare_base: bool
) -> list[Task]:
    """The tasks of these items, those of one stack together; the bare ones of a variant follow all its others.

    Args:
        served: The variants that the daemon may hold.
        default: The one it was started with, which stands in for one that it may not hold.
        sha256_of: The content hash of an adapter file, in hex.
        compare_base: Paint each item that has adapters without them, too.

    Raises:
        KilnmarkError: An adapter file cannot be read any more.
    """
    tasks = []
    for item in items:
        variant = item.variant if item.variant in served else default
        adapters = tuple((sha256_of(adapter.path), adapter.scale) for adapter in item.adapters)
        inputs = _inputs(item, variant, adapters)
        tasks.append(Task(item, bare=False, output=item.output, inputs=inputs))
        if compare_base and adapters:
            bare = msgspec.structs.replace(inputs, adapters=())
            tasks.append(Task(item, bare=True, output=bare_of(item.output), inputs=bare))
    first_of = {task.stack: place for place, task in reversed(list(enumerate(tasks)))}
    return sorted(tasks, key=lambda task: (task.inputs.variant, task.bare, first_of[task.stack]))


def _inputs(item: Item, variant: str, adapters: tuple[tuple[str, float], ...]) -> Inputs:
    return Inputs(
        prompt=item.prompt,
        negative_prompt=item.negative_prompt,
        seed=item.seed,
        width=item.width,
        height=item.height,
        steps=item.steps,
        guidance=item.guidance if _of(variant).guided else _of(variant).guidance,
        variant=variant,
        adapters=adapters,
    )


def _of(variant: str) -> Variant:
    """What is known of a variant; a directory counts as dev, as it does for the daemon."""
    return VARIANTS.get(variant, VARIANTS["dev"])
