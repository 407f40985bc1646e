"""Write Grafana's dashboards, Prometheus's rules and the page about them: `python -m scripts.make_dashboards`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.telemetry.alerts import ALERTS
from scripts.telemetry.boards import BOARDS
from scripts.telemetry.grafana import drawn
from scripts.telemetry.programs import ROOT
from scripts.telemetry.rules import RULES, written

__all__ = ["DASHBOARDS", "PAGE", "files", "page"]

DASHBOARDS = ROOT / "otel" / "dashboards"
PAGE = ROOT / "docs" / "operators.md"


def files() -> Mapping[Path, str]:
    """Every file that is made, with what stands in it."""
    boards = {DASHBOARDS / f"{board.file}.json": drawn(board) for board in BOARDS}
    return {RULES: written(), PAGE: page(PAGE.read_text(encoding="utf-8")), **boards}


def page(text: str) -> str:
    """The page for operators with its tables made anew."""
    return _between(_between(text, "alerts", _alerts()), "dashboards", _boards())


def _alerts() -> Iterator[str]:
    yield "| alert | severity | when | what to do |"
    yield "|---|---|---|---|"
    for alert in ALERTS:
        yield f"| `{alert.name}` | {alert.severity} | {alert.when} | {alert.mend} |"


def _boards() -> Iterator[str]:
    yield "| file in otel/dashboards | what it answers | sections |"
    yield "|---|---|---|"
    for board in BOARDS:
        sections = ", ".join(section.title.lower() for section in board.sections)
        yield f"| [{board.file}.json](../otel/dashboards/{board.file}.json) | {board.tells} | {sections} |"


def _between(text: str, mark: str, lines: Iterator[str]) -> str:
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->\n"
    before, _, rest = text.partition(begin)
    return before + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2]


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
