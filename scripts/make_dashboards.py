"""Write Grafana's dashboards and Prometheus's rules from the definitions: `python -m scripts.make_dashboards`."""

from collections.abc import Mapping
from pathlib import Path

from scripts.telemetry.boards import BOARDS
from scripts.telemetry.grafana import drawn
from scripts.telemetry.programs import ROOT
from scripts.telemetry.rules import RULES, written

__all__ = ["DASHBOARDS", "files"]

DASHBOARDS = ROOT / "otel" / "dashboards"


def files() -> Mapping[Path, str]:
    """Every file that is made, with what stands in it."""
    return {RULES: written(), **{DASHBOARDS / f"{board.file}.json": drawn(board) for board in BOARDS}}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
