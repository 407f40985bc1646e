"""One picture of the review page as HTML: its card, and the details that open from it.

Everything that comes from YAML, from a file's name or from a report goes through `text` here, and nothing else makes
markup of such values. Which cards there are, and the page around them, is `page`'s.
"""

import math
from collections.abc import Iterator
from html import escape
from urllib.parse import quote

from kilnmark.client.batch.run.manifest import Picture
from kilnmark.client.batch.run.standing import ShownPicture
from kilnmark.protocol.picture.report import AdapterReport, Verdict

__all__ = ["card", "moment", "place_name", "place_value", "ratio_class", "text"]

SIGNS = {Verdict.ENGAGED: "\u25cf", Verdict.PARTIAL: "\u25d0", Verdict.NOOP: "\u25cb", Verdict.REFUSED: "\u2298"}
"""A verdict's shape, for those who cannot tell it by its colour; screen readers get the word."""
_FLOOR = -6.0
"""Decimal logarithm of the delta ratio below which nothing changes."""


def text(value: object) -> str:
    """A value as HTML text, good for attributes too."""
    return escape(str(value), quote=True)


def moment(iso: str) -> str:
    """A time of the manifest, which is UTC in ISO 8601, to the minute."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso else "never"


def place_name(slug: str) -> str:
    """A genre or a world as people write it: `carding_moor` is `carding moor`."""
    return slug.replace("_", " ").strip() or slug


def place_value(picture: Picture) -> str:
    """What tells its world from every other; worlds of two genres may have one name."""
    return f"{picture.genre}/{picture.world or ''}"


def ratio_class(width: int, height: int) -> str:
    """The class that gives a card its shape; a strict content policy takes no style attributes."""
    divisor = math.gcd(width, height) or 1
    return f"r{width // divisor}-{height // divisor}"


def card(exhibit: ShownPicture) -> str:
    """A card with its details in a `template`, as a list item."""
    picture = exhibit.picture
    label = f"picture-{exhibit.place}"
    smallest = exhibit.smallest_change
    facts = {
        "standing": " ".join(exhibit.standings),
        "genre": picture.genre,
        "world": place_value(picture),
        "kind": picture.kind,
        "tier": picture.tier,
        "place": exhibit.place,
        "created": picture.created,
        "change": "" if smallest is None else f"{smallest:.9f}",
    }
    data = " ".join(f'data-{name}="{text(value)}"' for name, value in facts.items())
    return (
        f'<li class="card {ratio_class(picture.width, picture.height)} {exhibit.worst}" {data}>'
        f'<article aria-labelledby="{label}">{_shot(exhibit)}'
        f'<h3 id="{label}" dir="auto">{text(picture.name)}</h3>{_where(picture)}'
        f"{_marks(picture)}{_complaints(exhibit)}"
        f'<p class="prompt" dir="auto">{text(picture.prompt)}</p></article>'
        f"<template>{_details(exhibit)}</template></li>\n"
    )


def _shot(exhibit: ShownPicture) -> str:
    """The thumbnail: the picture itself, loaded when it comes near."""
    picture = exhibit.picture
    if exhibit.file is None:
        return (
            f'<a class="shot empty" href="#picture-{exhibit.place}"><span>No picture of {text(picture.name)}</span></a>'
        )
    pair = f' data-bare="{_address(exhibit.bare_file)}"' if exhibit.bare_file else ""
    badge = '<span class="pair">with / without</span>' if exhibit.bare_file else ""
    address, size = _address(exhibit.file), f'width="{picture.width}" height="{picture.height}"'
    return (
        f'<a class="shot" href="{address}"{pair}><img src="{address}" {size} '
        f'alt="{text(picture.name)}, {text(picture.tier)}" loading="lazy" decoding="async">{badge}</a>'
    )


def _address(file: str) -> str:
    """A relative reference, whatever is in the name: `./`, and everything percent-encoded."""
    return text("./" + quote(file))


def _where(picture: Picture) -> str:
    take = f" \u00b7 take {picture.take}" if picture.take > 1 else ""
    place = place_name(picture.world or picture.genre)
    return (
        f'<p class="where"><span dir="auto">{text(place)}</span> \u00b7 {text(picture.tier)}{take} \u00b7 '
        f'seed <span class="seed">{picture.seed}</span></p>'
    )


def _marks(picture: Picture) -> str:
    """The adapters with their verdicts; of a failed picture only those that there is a report of."""
    if not picture.loras:
        return "" if picture.status == "failed" else '<p class="marks none">no adapters</p>'
    return f'<ul class="marks" aria-label="Adapters">{"".join(map(_mark, picture.loras))}</ul>'


def _mark(report: AdapterReport) -> str:
    verdict = report.verdict
    return (
        f'<li class="mark {verdict.value}"><span class="sign" aria-hidden="true">{SIGNS[verdict]}</span>'
        f'<span dir="auto">{text(report.name)}</span> <span class="verdict">{verdict.value}</span></li>'
    )


def _complaints(exhibit: ShownPicture) -> str:
    """What a person must know without opening anything: why it failed, and why an adapter did not engage."""
    told = [exhibit.message] if exhibit.message else []
    unwell = [report for report in exhibit.picture.loras if report.verdict is not Verdict.ENGAGED]
    told += [f"{report.name}: {report.reason}" for report in unwell if report.reason not in exhibit.message]
    return "".join(f'<p class="reason" dir="auto">{text(sentence)}</p>' for sentence in told)


def _details(exhibit: ShownPicture) -> str:
    picture = exhibit.picture
    world = f" / {place_name(picture.world)}" if picture.world else ""
    notes = [note for note in (exhibit.message, picture.notice) if note]
    return (
        f'<h2 id="viewer-name" dir="auto">{text(picture.name)}</h2>'
        f'<p class="where">{picture.kind} in <span dir="auto">{text(place_name(picture.genre) + world)}</span></p>'
        + "".join(f'<p class="note" dir="auto">{text(note)}</p>' for note in notes)
        + _adapters(picture)
        + f'<h3>Prompt</h3><p class="whole" dir="auto">{text(picture.prompt)}</p>'
        + (
            f'<h3>Negative prompt</h3><p class="whole" dir="auto">{text(picture.negative_prompt)}</p>'
            if picture.negative_prompt
            else ""
        )
        + f"<h3>Made with</h3><dl>{''.join(_facts(exhibit))}</dl>"
    )


def _adapters(picture: Picture) -> str:
    if not picture.loras:
        words = "No report: nothing was painted." if picture.status == "failed" else "Painted without adapters."
        return f"<h3>Adapters</h3><p>{words}</p>"
    return f'<h3>Adapters</h3><ul class="stack">{"".join(map(_adapter, picture.loras))}</ul>'


def _adapter(report: AdapterReport) -> str:
    origin = " ".join(filter(None, (report.convention, report.kind, f"rank {report.rank}" if report.rank else "")))
    figures = (
        f"{report.matched_key_count} of {report.total_key_count} keys",
        f"{report.applied_target_count} of {report.target_count} layers",
        origin,
    )
    told = " \u00b7 ".join(filter(None, figures))
    return (
        f'<li class="{report.verdict.value}"><p class="head">{_sign(report.verdict)}'
        f'<strong dir="auto">{text(report.name)}</strong> <span class="scale">\u00d7 {report.scale:g}</span> '
        f'<span class="verdict">{report.verdict.value}</span></p>'
        f'<p class="why">{text(report.reason)}</p>{_change(report)}'
        f'<p class="figures">{text(told)}</p></li>'
    )


def _sign(verdict: Verdict) -> str:
    return f'<span class="sign" aria-hidden="true">{SIGNS[verdict]}</span>'


def _change(report: AdapterReport) -> str:
    """The delta ratio on a logarithmic scale from nothing (1e-6) to as large as the weights themselves (1)."""
    if report.delta_ratio is None:
        return ""
    ratio = report.delta_ratio
    height = max(_FLOOR, min(0.0, math.log10(ratio))) if ratio > 0 else _FLOOR
    words = f"delta ratio {ratio:.3g}"
    return (
        f'<p class="change"><meter min="-6" max="0" low="-3" high="-2.999" optimum="-1" value="{height:.3f}" '
        f'aria-label="{words}"></meter> {words}</p>'
    )


def _facts(exhibit: ShownPicture) -> Iterator[str]:
    picture, tokens = exhibit.picture, exhibit.picture.tokens
    about = "about " if tokens.estimated else ""
    facts = {
        "Seed": picture.seed,
        "Tier": picture.tier,
        "Size": f"{picture.width} \u00d7 {picture.height}",
        **{name.capitalize(): f"{value:g}" for name, value in picture.settings.items()},
        "Variant": picture.variant,
        "Length": f"{about}{tokens.t5} of {tokens.t5_limit} T5, {tokens.clip} of {tokens.clip_limit} CLIP tokens",
        "Source": picture.source,
        "Painted" if exhibit.file else "Tried": moment(picture.created),
        "Job": picture.job_id or "none",
    }
    for name, value in facts.items():
        yield f'<dt>{name}</dt><dd dir="auto">{text(value)}</dd>'
    for name, file in (("File", exhibit.file), ("Without adapters", exhibit.bare_file)):
        if file:
            yield f'<dt>{name}</dt><dd><a href="{_address(file)}">{text(file)}</a></dd>'
