"""What is odd about the pictures of an entry, told where it is written: in the entry, or in the style, for all at once.

Nothing here costs a picture.
"""

from collections.abc import Iterator

from kilnmark.client.batch.plan.subjects import Subject
from kilnmark.client.batch.plan.tokens import Tokens, excess
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.picture.decide import Decision
from kilnmark.protocol.picture.foreign_words import foreign_words

__all__ = ["told"]


def told(subject: Subject, style: ComposedStyle, decision: Decision, tokens: Tokens) -> Iterator[Problem]:
    """The warnings of an entry's pictures, each where somebody can mend it.

    Args:
        subject: The entry.
        style: What its genre, world, tier and place come to.
        decision: What its first picture comes to.
        tokens: The length of its prompt.
    """
    if said := excess(tokens):
        yield subject.problem(said)
    of_style = dict(_of_style(subject, style, decision))
    for said in decision.warnings:
        if said in decision.capped:  # which is told of the whole batch
            continue
        if said in of_style:
            yield style.field_problem(of_style[said], said)
        elif said in decision.unused and subject.fields.negative_prompt is not None:
            yield subject.written.problem(("negative_prompt",), said)
        else:
            yield subject.problem(said)


def _of_style(subject: Subject, style: ComposedStyle, decision: Decision) -> Iterator[tuple[str, str]]:
    """What is said of words that the style has for all its pictures, and the field that has them."""
    parts = {
        "loras": ", ".join(style.stack.triggers),
        "visual_tag_overrides": style.words or "",
        "positive_suffix": style.fields.positive_suffix or "",
    }
    for field, words in parts.items():
        yield from ((said, field) for said in foreign_words(words))
    if subject.fields.negative_prompt is None:
        words = style.fields.negative_prompt or ""
        yield from ((said, "negative_prompt") for said in (*decision.unused, *foreign_words(words, "negative prompt")))
