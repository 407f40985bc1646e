"""The stores of the recipe: what Prometheus reads, and what is said when one is not there. No store is installed."""

import socket
from pathlib import Path

import pytest
import yaml

from scripts.telemetry.programs import Programs
from scripts.telemetry.recipe import advice, require_free
from scripts.telemetry.stores import StoreGone, Stores, Wanted, configuration, open_stores

ENDS = Path("/bin/false")

PAGES = (9464, 9465, 9466, 9467, 9468)


def wanted(folder: Path, **ports: int) -> Wanted:
    chosen = {"traces_port": 1, "traces_grpc_port": 2, "metrics_port": 3, **ports}
    return Wanted(folder=folder, pages=PAGES, rules=[folder / "kilnmark.yaml"], interval=0.5, **chosen)


def test_prometheus_reads_the_pages_and_the_rules_as_often_as_is_asked(tmp_path: Path) -> None:
    read = yaml.safe_load(configuration(wanted(tmp_path)))
    assert read["rule_files"] == [str(tmp_path / "kilnmark.yaml")]
    assert read["scrape_configs"][0]["static_configs"] == [{"targets": [f"127.0.0.1:{port}" for port in PAGES]}]
    assert read["global"] == dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "500ms")


def test_a_store_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    says = tmp_path / "says"
    says.write_text("#!/bin/sh\necho the port is taken\nexit 3\n")
    says.chmod(0o755)
    with (
        pytest.raises(StoreGone, match=r"Prometheus is not there; .*prometheus.log ends with:\n  the port is taken"),
        open_stores(Programs(ENDS, says, ENDS, None), wanted(tmp_path)),
    ):
        pytest.fail("it did not come up")


def test_a_port_that_is_somebodys_is_told_with_the_option_that_moves_it(tmp_path: Path) -> None:
    with socket.socket() as somebodys:
        somebodys.bind(("127.0.0.1", 0))
        somebodys.listen()
        port = somebodys.getsockname()[1]
        with pytest.raises(SystemExit, match=rf"port {port} of .* is not free .*: give another by --traces-port"):
            require_free(wanted(tmp_path, traces_port=port))


def test_the_advice_names_what_the_daemon_needs_and_who_can_reach_the_store(tmp_path: Path) -> None:
    told = advice(Stores("http://127.0.0.1:6006", "http://127.0.0.1:9090", all=()), wanted(tmp_path))
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:6006/v1/traces" in told
    assert "kilnmark serve --metrics-port 9464" in told
    assert "port 2 of every address" in told
