"""Alerts written down as a file of rules that Prometheus reads. What they say is not known here."""

from typing import Any, Final

import yaml

from scripts.telemetry.alerts import ALERTS, RECORDED, Alert, Recorded
from scripts.telemetry.programs import ROOT

__all__ = ["RULES", "written"]

RULES: Final = ROOT / "otel" / "alerts" / "kilnmark.yaml"

_HEAD: Final = (
    "# Made by `python -m scripts.make_dashboards` out of otel/kilnmark/otel/names; not to be edited.\n"
    "# Labels: severity page wakes somebody, severity ticket is for the morning.\n"
)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def written() -> str:
    """The file."""
    groups = [
        {"name": "kilnmark-recorded", "rules": [_recorded(each) for each in RECORDED.values()]},
        {"name": "kilnmark", "rules": [_alert(each) for each in ALERTS]},
    ]
    return _HEAD + yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, width=1000)


def _recorded(recorded: Recorded) -> dict[str, Any]:
    return {"record": recorded.name, "expr": recorded.expr}


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.holds,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.mend},
    }
