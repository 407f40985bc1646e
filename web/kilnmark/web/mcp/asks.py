"""What agents may ask for: the arguments of each tool, with what they mean for whoever reads the schema.

They refuse unknown fields. What is done with them is `tools`' part.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kilnmark.protocol.picture.asked import AskedNumbers
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.jobs import JobState

__all__ = ["ComposeAsk", "InspectAsk", "JobsAsk", "LoraAsk", "RenderAsk", "ShowAsk"]

Words = Annotated[str, Meta(min_length=1, max_length=20_000)]
NameWord = Annotated[str, Meta(min_length=1, max_length=200)]
FilePath = Annotated[str, Meta(min_length=1, max_length=4096)]


class LoraAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One adapter of a stack."""

    path: Annotated[FilePath, Meta(description="Its file, absolute or below one of the daemon's adapter folders.")]
    scale: Annotated[float, Meta(ge=-100, le=100, description="How strongly it is applied.")] = 1.0


class RenderAsk(AskedNumbers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One picture. What is left out, the tier decides, else the base."""

    prompt: Annotated[Words, Meta(description="What to paint.")]
    negative_prompt: Annotated[Words | None, Meta(description="What not to paint, where the base can take it.")] = None
    genre: Annotated[
        NameWord | None,
        Meta(description="A content pack: its adapters and its words are composed by `tier`, which must be given."),
    ] = None
    world: Annotated[NameWord | None, Meta(description="A setting inside the genre.")] = None
    tier: Annotated[NameWord | None, Meta(description="The kind of picture, such as portrait or landscape.")] = None
    place: Annotated[NameWord | None, Meta(description="What is painted, for the genre's art direction by place.")] = (
        None
    )
    variant: Annotated[NameWord | None, Meta(description="The base to paint on.")] = None
    seed: Annotated[
        Annotated[int, Meta(ge=0, le=2**53 - 1)] | None,
        Meta(description="Of the noise; left out, one is drawn and told."),
    ] = None
    loras: Annotated[
        list[LoraAsk], Meta(max_length=64, description="Adapters in stack order; behind those of a genre, if any.")
    ] = []
    on_mismatch: Annotated[
        Literal["error", "warn"],
        Meta(
            description="When an adapter does not engage wholly: an error with the reports, or a picture and reports."
        ),
    ] = "error"
    init_image: Annotated[FilePath | None, Meta(description="A picture to start from, where the base can.")] = None
    strength: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None, Meta(description="How much of init_image stays: 0 nothing, 1 all.")
    ] = None
    reference_images: Annotated[
        list[FilePath], Meta(max_length=16, description="Pictures that the base looks at while it paints.")
    ] = []
    draft: Annotated[bool | None, Meta(description="Whether a small and quick picture will do.")] = None
    cache: Annotated[bool, Meta(description="Whether the same picture, made before, may be the answer.")] = True
    priority: Annotated[Priority, Meta(description="Before which other renders it is painted.")] = "normal"
    image: Annotated[bool, Meta(description="Whether to give back a small JPEG of the picture, too.")] = False


class ComposeAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A style to look at before anything is painted."""

    genre: Annotated[NameWord, Meta(description="The content pack.")]
    tier: Annotated[NameWord, Meta(description="The kind of picture, such as portrait or landscape.")]
    world: Annotated[NameWord | None, Meta(description="A setting inside the genre.")] = None
    place: Annotated[NameWord | None, Meta(description="What is painted, for the art direction by place.")] = None
    prompt: Annotated[
        Annotated[str, Meta(max_length=20_000)], Meta(description="What would be painted, to see the whole prompt.")
    ] = ""


class InspectAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Adapter files to look at without a base."""

    paths: Annotated[
        list[FilePath],
        Meta(min_length=1, max_length=64, description="Absolute, or below one of the daemon's adapter folders."),
    ]
    variant: Annotated[NameWord | None, Meta(description="The model that they are meant for.")] = None


class JobsAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One job, or those that everything given here is true of, the latest first."""

    job_id: Annotated[
        NameWord | None, Meta(description="The one job to tell of, whole; the rest is left out then.")
    ] = None
    wait: Annotated[bool, Meta(description="With job_id: wait until it has ended.")] = False
    limit: Annotated[int, Meta(ge=1, le=200, description="Jobs to tell of at most.")] = 20
    cursor: Annotated[
        Annotated[str, Meta(max_length=500)] | None, Meta(description="`next` of the answer before, to go on there.")
    ] = None
    states: Annotated[list[JobState], Meta(max_length=5, description="How far they are; empty: whatever that is.")] = []
    genre: NameWord | None = None
    world: NameWord | None = None
    tier: NameWord | None = None
    variant: NameWord | None = None
    adapter: Annotated[
        NameWord | None, Meta(description="One of their stack: its name, or how its file's hash begins.")
    ] = None
    verdict: Annotated[
        Verdict | None, Meta(description="That of one of their adapters; noop and refused are dead, partial half-dead.")
    ] = None
    text: Annotated[NameWord | None, Meta(description="In their prompt or in the name of an adapter.")] = None
    since: Annotated[NameWord | None, Meta(description="A day or a moment, ISO 8601, in UTC without a zone.")] = None
    until: Annotated[NameWord | None, Meta(description="Alike; of a day, until its end.")] = None


class ShowAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture that was made before."""

    path: Annotated[
        FilePath, Meta(description="Its PNG, below the daemon's output folder; relative ones are from there.")
    ]
    image: Annotated[bool, Meta(description="Whether to give back a small JPEG of the picture, too.")] = False
