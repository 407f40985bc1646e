"""The recorded script again, played to the daemon of an installed wheel."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.recorded.compare import differences
from tests.recorded.player import play

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".uv" / "bin" / "uv"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has our wheel, and what it needs from this environment, but nothing of this checkout.

    What it needs is lent by a path file: the environment's own path files, and with them our editable install, are not
    read then.
    """
    folder = tmp_path_factory.mktemp("wheel")
    program = folder / "venv" / "bin" / "python"
    uv(folder, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    uv(folder, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    uv(folder, "pip", "install", "--quiet", "--python", program, "--no-deps", *folder.glob("*.whl"))
    [packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return program


def uv(folder: Path, *arguments: str | Path) -> None:
    subprocess.run([UV, *arguments], cwd=folder, check=True, timeout=240)


@pytest.mark.slow
def test_the_wheel_answers_as_before(python: Path) -> None:
    places = "import kilnmark.daemon, kilnmark.engine; print(*kilnmark.daemon.__path__, *kilnmark.engine.__path__)"
    shown = subprocess.run([python, "-c", places], check=True, capture_output=True, text=True, timeout=60).stdout
    assert all(Path(place).is_relative_to(python.parents[1]) for place in shown.split())
    assert [line for heard in play(str(python)) for line in differences(heard)] == []
