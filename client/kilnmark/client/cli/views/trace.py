"""Renders as they pass, for people: a line each, one for each adapter, and why where something is wrong."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Console

from kilnmark.client.cli.views.tables import VERDICT_COLOURS, plain
from kilnmark.client.traces.seen import PARTS, SeenAdapter, SeenRender
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.printable import printable

__all__ = ["show_seen"]

_LONGEST = 200
"""Characters of a reason."""

_OUTCOMES = {"failed": "red", "cancelled": "yellow"}


def show_seen(out: Console, render: SeenRender) -> None:
    """One render."""
    dead = "bold red" if render.dead else _OUTCOMES.get(render.outcome, "")
    out.print(plain(printable(_head(render)), dead), soft_wrap=True)
    if parts := "  ".join(f"{part} {render.parts[part]:.2f}" for part in PARTS if part in render.parts):
        out.print(plain(f"          {parts}", "dim"), soft_wrap=True)
    for adapter in render.adapters:
        out.print(plain(printable(_adapter(adapter)), _colour(adapter)), soft_wrap=True)
    if render.reason:
        out.print(plain(f"          because: {printable(render.reason[:_LONGEST])}", dead or "yellow"), soft_wrap=True)


def _head(render: SeenRender) -> str:
    return "  ".join(filter(None, _facts(render)))


def _facts(render: SeenRender) -> Iterator[str]:
    yield datetime.fromisoformat(render.at).astimezone().strftime("%H:%M:%S") if render.at else "--:--:--"
    yield render.outcome if render.source in {"", "painted"} else f"{render.outcome} ({render.source})"
    yield f"{render.seconds:.2f} s" if render.seconds else ""
    yield render.tier or "no tier"
    yield render.style
    yield f"{render.variant} {render.size}".strip()
    yield "no adapters" if not render.adapters else ""
    yield render.job_id


def _adapter(adapter: SeenAdapter) -> str:
    keys = f"{adapter.matched}/{adapter.total}" if adapter.total else "-"
    scale = "" if adapter.scale is None else f"  at {adapter.scale:g}"
    return f"          {adapter.verdict or 'not judged':<10}  {keys:>9}  {adapter.name}{scale}"


def _colour(adapter: SeenAdapter) -> str:
    known = next((verdict for verdict in Verdict if verdict.value == adapter.verdict), None)
    return "" if known is None else VERDICT_COLOURS[known]
