"""`kilnmark render` with pictures, against a daemon whose worker is a fake."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client.cli.commands.render import render
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.protocol.exits import ExitCode
from tests.keymaps.pictures.shown import colours, put


def test_a_picture_goes_by_its_path_or_within_the_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, image=colours(64, 64))
    monkeypatch.chdir(tmp_path)
    size = ["--width", "64", "--height", "64", "--seed", "7"]
    with InProcessDaemon() as daemon:
        asked = ["a mill", "--init-image", "a.png", "--strength", "0.5", *size, "--socket", str(daemon.socket)]
        inline = CliRunner().invoke(render, [*asked, "--inline", "--json"])
        shown = CliRunner().invoke(render, [*asked, "--inline"])
        outside = CliRunner().invoke(render, asked)
    result = msgspec.json.decode(inline.stdout)
    assert (result["start"], result["strength"]) == (hashlib.sha256(path.read_bytes()).hexdigest(), 0.5)
    assert "from a picture at strength 0.5" in " ".join(shown.stdout.split())
    assert outside.exit_code != ExitCode.DONE
    assert "outside the image roots" in str(outside.exception)
