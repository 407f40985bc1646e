"""Prometheus's own tool reads the alerts, and works out which of them fire."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.telemetry.alerts import ALERTS
from scripts.telemetry.programs import Programs
from scripts.telemetry.rules import RULES
from tests.telemetry.alerted import CASES, Case

pytestmark = pytest.mark.telemetry

BY_NAME = {alert.name: alert for alert in ALERTS}


def promtool(programs: Programs, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([programs.promtool, *words], capture_output=True, text=True, check=False, timeout=120)


def filled(text: str, labels: dict[str, str], value: str) -> str:
    """What Prometheus makes of a summary."""
    told = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels.get(found[1], ""), text)
    return re.sub(r"{{ \$value[^}]*}}", lambda _: value, told)


def expected(case: Case) -> list[Any]:
    if case.fires is None:
        return []
    alert, labels = BY_NAME[case.alert], {**case.daemon, **case.fires}
    told = {"summary": filled(alert.summary, labels, case.value), "description": alert.mend}
    return [{"exp_labels": {**labels, "severity": alert.severity}, "exp_annotations": told}]


def asked(case: Case) -> dict[str, Any]:
    return {
        "interval": case.every,
        "name": f"{case.alert}: {case.why}",
        "input_series": [{"series": series, "values": values} for series, values in case.given],
        "alert_rule_test": [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": expected(case)}],
    }


def test_the_rules_are_rules(programs: Programs) -> None:
    done = promtool(programs, "check", "rules", RULES)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.why}")
def test_it_fires_for_what_it_is_for_and_for_nothing_like_it(case: Case, programs: Programs, tmp_path: Path) -> None:
    document = {"rule_files": [str(RULES)], "evaluation_interval": case.every, "tests": [asked(case)]}
    written = tmp_path / "case.yaml"
    written.write_text(yaml.safe_dump(document))
    done = promtool(programs, "test", "rules", written)
    assert done.returncode == 0, done.stdout + done.stderr
