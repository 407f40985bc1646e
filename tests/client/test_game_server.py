"""The guide for game servers: its program, run as it stands."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import FakeDaemon

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
