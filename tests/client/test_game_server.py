"""The guide for game servers: its program, run as it stands."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from kilnmark.protocol.picture.record import find_record
from tests.client.conftest import Daemon, FakeDaemon

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "game-server.md"


@pytest.fixture
def packs(daemon: FakeDaemon) -> Path:
    """The genre of the guide, with a scene that is painted at once."""
    genre = daemon.folder / "packs" / "weatherwright"
    (genre / "worlds" / "carding_moor").mkdir(parents=True)
    (genre / "visual_style.yaml").write_text("loras: []\n")
    (genre / "tiers.yaml").write_text("scene: {width: 64, height: 64, steps: 1, variant: standin}\n")
    return genre


def test_the_program_of_the_guide_paints(daemon: FakeDaemon, packs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    monkeypatch.setenv("KILNMARK_SOCKET", str(daemon.socket))
    pictures = asyncio.run(names["paint"]([("guide-mill", "a mill at night")]))
    assert list(pictures) == ["guide-mill"]
    assert Path(pictures["guide-mill"]).is_file()


def test_on_a_machine_without_a_card_it_paints_drafts_in_seconds(
    painter: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the stand-in that `kilnmark serve` holds, at the tier's own numbers."""
    genre = painter.folder / "packs" / "weatherwright"
    (genre / "worlds" / "carding_moor").mkdir(parents=True, exist_ok=True)
    (genre / "visual_style.yaml").write_text("loras: []\n")
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    monkeypatch.setenv("KILNMARK_SOCKET", str(painter.socket))
    picture = Path(asyncio.run(names["paint"]([("guide-draft", "a mill at night")]))["guide-draft"])
    assert picture.name.endswith(".standin.draft.png")
    with picture.open("rb") as file:
        record = find_record(file)
    assert record is not None
    assert (record.width, record.height, record.steps, record.draft) == (128, 96, 2, True)
