"""What `docs/farm.md` has people type, typed as it stands, at a farm of one node."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.cli.main import kilnmark
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.keymaps.zoo.write import make_adapter
from tests.client.batch.packs import make_packs
from tests.docs.examples.blocks import blocks, command_lines
from tests.farm.nodes import nodes_at

PAGE = [block for block in blocks() if block.page == "docs/farm.md"]


def typed(start: str) -> list[str]:
    (line,) = [line for block in PAGE for line in command_lines(block.text) if line.startswith(start)]
    return shlex.split(line)[1:]


def test_work_is_handed_in_as_the_page_says(broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILNMARK_FARM", broker)
    make_packs(tmp_path / "packs", base_seed=3)
    make_adapter(tmp_path / "ink.safetensors", rank=1, blocks=1)
    (lines,) = [block.text for block in PAGE if block.text.lstrip().startswith("{")]
    Path("requests.jsonl").write_text(lines)
    batch = [broker if word.startswith("nats://") else word for word in typed("kilnmark batch poi")]
    with nodes_at(broker, {"anvil": FakeWorker()}):
        for command in (batch, typed("kilnmark farm submit requests.jsonl")):
            result = CliRunner().invoke(kilnmark, command, catch_exceptions=False)
            assert result.exit_code == 0, result.output
    assert {each.node for each in read_manifest(tmp_path / "pictures").pictures} == {"anvil"}
    assert len(list(Path("pictures").glob("spec-*.png"))) == 2
