"""Settings are read once, and every wrong field is named."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.settings import SettingsError, read_settings
from kilnmark.protocol.described import descriptions
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.settings import Settings

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
        ({"base_memory": 0}, "base_memory"),
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


def variants(**chosen: Any) -> dict[str, str]:
    return dict(read_settings(json.dumps({**GOOD, **chosen})).variants)


def test_a_daemon_that_fetches_nothing_holds_its_own_base_and_the_standin() -> None:
    assert variants() == {"standin": "standin"}
    assert variants(variant="/models/mine") == {"/models/mine": "/models/mine", "standin": "standin"}


def test_a_standin_of_another_family_is_held_by_its_name_and_under_that_of_what_it_stands_in_for() -> None:
    klein = "standin:flux2-klein-4b"
    assert variants(variant=klein) == {klein: klein, "standin": "standin"}
    assert variants(bases={"mine": klein, "flux2-klein-base-4b": klein})["flux2-klein-base-4b"] == klein


def test_a_daemon_of_a_variant_that_mflux_fetches_may_hold_every_other() -> None:
    fetched = {name for name, row in VARIANTS.items() if not row.made_up}
    assert {"schnell", "dev", "flux2-klein-4b"} < fetched
    assert set(variants(variant="schnell")) == {"standin", *fetched}


def test_a_daemon_of_the_variant_that_comes_with_the_program_fetches_nothing_either() -> None:
    assert variants(variant="mini") == {"mini": "mini", "standin": "standin"}
    with pytest.raises(SettingsError, match="mini is too narrow and cannot be quantized"):
        variants(variant="mini", quantize=8)


def test_named_bases_are_the_only_others() -> None:
    assert variants(variant="schnell", bases={"dev": "/models/dev"}) == {
        "schnell": "schnell",
        "standin": "standin",
        "dev": "/models/dev",
    }


def test_the_first_base_may_be_one_of_the_named() -> None:
    settings = read_settings(json.dumps({**GOOD, "bases": {"dev": "/models/dev"}, "variant": "dev", "base_memory": 7}))
    order = settings.worker_configuration()
    assert (order.variant, order.bases["dev"], order.base_memory) == ("dev", "/models/dev", 7)


@pytest.mark.parametrize(
    "bases",
    [
        {"dev": "models/dev"},
        {"dev": "schnell"},
        {"standin": "/models/dev"},
        {"": "/models/dev"},
        {"flux-9": "flux-9"},
        {"/models/a": "/models/b"},
        {"/models/a": "standin"},
        {"dev": "standin:flux2-klein-4b"},
        {"flux2-klein-9b": "standin:flux2-klein-4b"},
        {"standin:flux2-klein-4b": "standin"},
    ],
)
def test_a_name_that_tells_something_else_than_its_place_is_refused(bases: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"bases: .*is no base; a place is an absolute directory"):
        read_settings(json.dumps({**GOOD, "bases": bases}))


def test_a_directory_with_two_names_is_refused_because_it_would_be_held_twice() -> None:
    with pytest.raises(SettingsError, match=r"'/models/a' has two names"):
        read_settings(json.dumps({**GOOD, "bases": {"one": "/models/a", "two": "/models/a"}}))
    with pytest.raises(SettingsError, match=r"variant: .*in bases as 'dev'; give that name"):
        read_settings(json.dumps({**GOOD, "bases": {"dev": "/models/a"}, "variant": "/models/a"}))


def test_quantizing_the_standin_is_refused_under_every_name() -> None:
    klein = {"variant": "standin:flux2-klein-4b"}
    for chosen in ({}, klein, {"variant": "dev", "bases": {"dev": "standin"}}):
        with pytest.raises(SettingsError, match=r"quantize: .*thin factors"):
            read_settings(json.dumps({**GOOD, **chosen, "quantize": 8}))


def test_every_field_is_explained() -> None:
    texts = descriptions(Settings)
    assert [name for name in Settings.model_fields if not texts.get(name)] == []


STARTED = """
import os, sys
from kilnmark.daemon.main import main

for arguments in ([], ["{"], ['{"socket": 1}'], ["{}", "{}"]):
    if pid := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    else:
        sys.exit(main(arguments))
"""


def test_a_start_with_wrong_settings_exits_2_with_one_sentence() -> None:
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == ["kilnmark daemon"] * 4


def test_a_start_without_a_folder_for_pictures_exits_2_and_says_which(home: Path) -> None:
    """A service manager starts it again for any other status."""
    (home / "file").touch()
    said = json.dumps({"socket": str(home / "d.sock"), "output_dir": str(home / "file"), "journal": None})
    done = subprocess.run(
        [sys.executable, "-m", "kilnmark.daemon", said], capture_output=True, text=True, timeout=60, check=False
    )
    sentence = f"no pictures can be written into {home / 'file'}: File exists; mend that, or name another folder"
    assert (done.returncode, done.stderr) == (2, f"kilnmark daemon: {sentence} with --output-dir\n")
    assert not (home / "d.sock").exists()
