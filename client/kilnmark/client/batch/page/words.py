"""What the review page says of a picture that its manifest does not say itself: figures, names and addresses in words.

The templates, `page.html` and `card.html`, call these by name; they make no markup, which the templates escape.
"""

import hashlib
import math
import os
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from urllib.parse import quote

from msgspec import UNSET

from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.standing import ShownPicture, Standing
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.printable import encodable_json

__all__ = [
    "address",
    "complaints",
    "facts",
    "figures",
    "headline_rest",
    "height",
    "made_with",
    "moment",
    "place_name",
    "place_value",
    "ratio_class",
    "shape",
    "undecided_words",
    "where",
]

_SHAPES = {Verdict.ENGAGED: "\u25cf", Verdict.PARTIAL: "\u25d0", Verdict.NOOP: "\u25cb", Verdict.REFUSED: "\u2298"}
_FLOOR = -6.0
"""Decimal logarithm of the delta ratio below which nothing changes."""


def shape(verdict: Verdict) -> str:
    """A verdict's shape, for those who cannot tell it by its colour; screen readers get the word."""
    return _SHAPES[verdict]


def moment(iso: str) -> str:
    """A time of the manifest, which is UTC in ISO 8601, to the minute."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso else "never"


def place_name(slug: str) -> str:
    """A genre or a world as people write it: `carding_moor` is `carding moor`."""
    return slug.replace("_", " ").strip() or slug


def place_value(picture: Picture) -> str:
    """What tells its world from every other; worlds of two genres may have one name."""
    return f"{picture.genre}/{picture.world or ''}"


def ratio_class(picture: Picture) -> str:
    """The class that gives a card its shape; a strict content policy takes no style attributes."""
    divisor = math.gcd(picture.width, picture.height) or 1
    return f"r{picture.width // divisor}-{picture.height // divisor}"


def address(file: str) -> str:
    """A relative reference, whatever is in the name: `./`, and everything percent-encoded."""
    return "./" + quote(os.fsencode(file))


def facts(one: ShownPicture) -> Iterator[tuple[str, object]]:
    """What a card is filtered and sorted by, each the end of a `data-` attribute's name."""
    picture, smallest = one.picture, one.smallest_change
    yield "standing", " ".join(one.standings)
    yield "genre", picture.genre
    yield "world", place_value(picture)
    yield "kind", picture.kind
    yield "tier", picture.tier
    yield "place", one.place
    yield "where", where(picture)
    yield "file", picture.file
    yield "mark", _mark(one)
    yield "created", picture.created
    yield "change", "" if smallest is None else f"{smallest:.9f}"


def where(picture: Picture) -> str:
    """Genre, world and region, as a heading over pictures has them."""
    parts = (picture.genre, picture.world or "", picture.region)
    return " / ".join(place_name(part) for part in parts if part)


def _mark(one: ShownPicture) -> str:
    """What is another as soon as the card is to look otherwise."""
    whole = [one.picture, one.file, one.bare_file, one.message, list(one.standings)]
    return hashlib.sha256(encodable_json(whole)).hexdigest()[:12]


def complaints(one: ShownPicture, once: Container[str] = ()) -> list[str]:
    """What a person must know without opening anything: why it failed, which adapter is not engaged or too strong.

    Args:
        once: What is told above all pictures, and not on each.
    """
    warned = [each for each in one.picture.warnings if each not in once]
    warned = warned if one.picture.warnings and one.file else [one.message] if one.message else []
    warned += [one.picture.old] if one.picture.old else []
    unwell = [report for report in one.picture.loras if report.is_in_doubt]
    return warned + [f"{report.name}: {report.reason}" for report in unwell if report.reason not in one.message]


def undecided_words(undecided: int, decided: int) -> str:
    """How many pictures nobody has decided about, the first thing that a page says."""
    return f"{undecided} undecided" if undecided or not decided else "Everything is decided"


def headline_rest(shown: Sequence[ShownPicture], stale: int, problems: int) -> str:
    """What else is to be known at first sight: how many pictures there are, and everything that is amiss."""
    counts = Counter(standing for one in shown for standing in one.standings)
    told = {Standing.DEAD: "with a dead adapter", Standing.FAILED: "failed", Standing.PARTIAL: "partly engaged"}
    told[Standing.OLD] = "not what is asked for now"
    amiss = [f"{counts[standing]} {word}" for standing, word in told.items() if counts[standing]]
    amiss += [f"{stale} stale"] if stale else []
    gone = sum(one.picture.gone for one in shown)
    drafts = sum(one.picture.draft for one in shown)
    amiss += [f"{gone} whose entry is gone"] if gone else []
    amiss += [f"{drafts} draft{'' if drafts == 1 else 's'}"] if drafts else []
    amiss += [f"{problems} problem{'' if problems == 1 else 's'} in the sources"] if problems else []
    pictures = f" of {len(shown)} picture{'' if len(shown) == 1 else 's'}"
    return " \u00b7 ".join([pictures, *(amiss or ["nothing amiss"])])


def height(delta_ratio: float) -> str:
    """The delta ratio on a logarithmic scale from nothing (1e-6) to as large as the weights themselves (1)."""
    return f"{max(_FLOOR, min(0.0, math.log10(delta_ratio))) if delta_ratio > 0 else _FLOOR:.3f}"


def figures(report: AdapterReport) -> str:
    """Of an adapter: how many keys and layers, and what the file is."""
    origin = " ".join(filter(None, (report.convention, report.kind, f"rank {report.rank}" if report.rank else "")))
    told = (
        f"{report.matched_key_count} of {report.total_key_count} keys",
        f"{report.applied_target_count} of {report.target_count} layers",
        origin,
        *_shares(report),
    )
    return " \u00b7 ".join(filter(None, told))


def _shares(report: AdapterReport) -> Iterator[str]:
    """What it comes to beside the others of its stack, and on a quantized base."""
    is_alone = (report.stack_share, report.effective_share) == (1.0, 1.0)
    if report.stack_share is not None and not is_alone:
        yield f"{report.stack_share:.0%} of what the stack changes"
    if report.effective_share is not None and not is_alone:
        yield f"{report.effective_share:.0%} of it left beside the others"
    if report.quantized_survival is not None:
        yield f"{report.quantized_survival:.0%} above the rounding of the base"


def made_with(one: ShownPicture) -> Iterator[tuple[str, object]]:
    """Everything that a picture was made with, as a name and a value."""
    picture, tokens = one.picture, one.picture.tokens
    about = "about " if tokens.estimated else ""
    yield "Seed", picture.seed
    yield "Tier", picture.tier
    yield "Size", f"{picture.width} \u00d7 {picture.height}"
    for name, value in picture.settings.items():
        yield name.capitalize(), f"{value:g}"
    if picture.strength is not UNSET:
        yield "Strength", f"{picture.strength:g}"
    if picture.references is not UNSET:
        yield "Reference pictures", len(picture.references)
    yield "Variant", picture.variant
    lengths = ", ".join(f"{length.tokens} of {length.limit} {length.encoder}" for length in tokens.lengths)
    yield "Length", f"{about}{lengths} tokens" if lengths else "not counted"
    yield "Source", picture.source
    yield "Painted" if one.file else "Tried", moment(picture.created)
    yield "Job", picture.job_id or "none"
    if picture.node:
        yield "Node", picture.node
