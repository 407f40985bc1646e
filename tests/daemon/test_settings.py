"""Settings are read once, and every wrong field is named."""

import json
import subprocess
import sys
from typing import Any

import pytest

from kilnmark.daemon.settings import Settings, SettingsError, read_settings

GOOD: dict[str, Any] = {"socket": "/run/kiln/daemon.sock", "output_dir": "/var/kiln"}


def test_two_fields_are_enough() -> None:
    settings = read_settings(json.dumps(GOOD))
    assert (settings.variant, settings.quantize, settings.lora_roots) == ("standin", None, ())


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"socket": "daemon.sock"}, "socket"),
        ({"output_dir": "pictures"}, "output_dir"),
        ({"variant": "flux-9"}, "variant"),
        ({"quantize": 7}, "quantize"),
        ({"lora_roots": ["loras"]}, "lora_roots.0"),
        ({"beat_timeout": 0}, "beat_timeout"),
        ({"heartbeat_interval": 6}, "heartbeat_interval"),
        ({"queue_limit": "10"}, "queue_limit"),
        ({"batch_delay": -1}, "batch_delay"),
        ({"ageing": -1}, "ageing"),
        ({"cache_bytes": -1}, "cache_bytes"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError, match=f"{field}: "):
        read_settings(json.dumps({**GOOD, **wrong}))


def test_every_field_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("arguments", [[], ["{"], ['{"socket": 1}'], ["{}", "{}"]])
def test_a_start_with_wrong_settings_exits_2_with_one_sentence(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kilnmark.daemon", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("kilnmark daemon: ")
    assert "Traceback" not in done.stderr
