"""The page about settings says what the model says."""

import re
from pathlib import Path

import pytest

from kilnmark.client.cli.settings.gather import Surroundings, gather
from kilnmark.client.cli.settings.sources import fields
from scripts.make_settings_table import DOCUMENT, page

PAGE = DOCUMENT.read_text(encoding="utf-8")


def test_the_table_is_what_the_script_makes() -> None:
    assert page(PAGE) == PAGE, "write it anew: .venv/bin/python -m scripts.make_settings_table"


def test_the_file_that_the_page_shows_is_read_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(r"(?m)^    # ~/\.config.*\n(?:(?:    .*)?\n)+", PAGE)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("loras", "packs", "srv", "mine"):
        (tmp_path / name).mkdir()
    (tmp_path / "config.toml").write_text(
        re.sub("(?m)^    ", "", shown).replace("/srv/loras", "srv").replace("/models/mine", "mine")
    )
    around = Surroundings(env={}, platform="linux", home=tmp_path, uid=7, here=tmp_path)
    found = gather({}, "config.toml", around)
    assert found.settings.lora_roots == (tmp_path / "loras", tmp_path / "srv")
    assert found.settings.bases == {"schnell": "schnell", "mine": str(tmp_path / "mine")}
    assert (found.settings.base_memory, found.settings.packs) == (40 * 10**9, tmp_path / "packs")
    assert {name for name, said in found.said.items() if said.origin == "file"} < set(fields())
