"""How long captions are for the text encoders of the base that is trained, counted or guessed as prompts of a batch."""

from collections.abc import Iterator, Sequence
from statistics import median_low

import msgspec

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.lab.dataset.findings import Code, DatasetFinding, found, shown
from kilnmark.lab.dataset.pairing import CaptionedPicture

__all__ = ["CaptionLengths", "caption_lengths", "length_findings"]


class CaptionLengths(msgspec.Struct, frozen=True, kw_only=True):
    """How long captions are for one text encoder, in tokens.

    Attributes:
        encoder: What people call it.
        limit: How many it reads.
        median, longest: Of all captions.
        trigger: Of the trigger alone; None: there is none.
        over: Pictures whose captions are longer than it reads.
        estimated: Its tokenizer was not at hand, so that the figures are guesses.
    """

    encoder: str
    limit: int
    median: int
    longest: int
    trigger: int | None
    over: tuple[str, ...]
    estimated: bool


def caption_lengths(
    pictures: Sequence[CaptionedPicture], trigger: str, base: str, counter: TokenCounter
) -> tuple[CaptionLengths, ...]:
    """For each text encoder of a base, the one that reads most first; none where there are no captions.

    Args:
        pictures: With their captions.
        trigger: The words that call the adapter up; empty: there are none.
        base: The variant that is trained.
        counter: Who counts.

    Raises:
        UnknownVariant: There is no such variant.
    """
    texts = {picture.caption for picture in pictures if picture.caption}
    counts = {text: counter.count(text, base) for text in texts}
    own = counter.count(trigger, base) if trigger else None
    empty = counter.count("", base)
    captions = [(picture.name, counts[picture.caption]) for picture in pictures if picture.caption]
    lengths = []
    for at, encoder in enumerate(empty.lengths if captions else ()):
        tokens = [(name, counted.lengths[at].tokens) for name, counted in captions]
        lengths.append(
            CaptionLengths(
                encoder=encoder.encoder,
                limit=encoder.limit,
                median=median_low(count for _, count in tokens),
                longest=max(count for _, count in tokens),
                trigger=own.lengths[at].tokens - encoder.tokens if own else None,
                over=tuple(name for name, count in tokens if count > encoder.limit),
                estimated=empty.estimated,
            )
        )
    return tuple(lengths)


def length_findings(lengths: Sequence[CaptionLengths]) -> Iterator[DatasetFinding]:
    """What is to be said of captions that are longer than is read of them."""
    for length in lengths:
        if length.over:
            about = "an estimated " if length.estimated else ""
            said = f"captions of up to {about}{length.longest} tokens, of which {length.encoder} reads {length.limit}"
            mend = "shorten them: their ends are not learned" if length is lengths[0] else "put what matters most first"
            yield found(Code.TOO_LONG, f"{said}: {shown(length.over)}", mend, length.over)
