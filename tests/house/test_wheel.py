"""The wheel, built and installed without extras in a clean environment, as `pip install kilnmark` does it.

There, the client and the keymaps must work, and nothing of the daemon's heavy packages may be needed or present.
"""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".uv" / "bin" / "uv"
PARTS = ["client", "daemon", "engine", "farm", "keymaps", "lab", "otel", "protocol", "web"]
HEAVY = ["mlx", "mflux", "uvloop", "torch", "scipy", "opentelemetry.sdk", "opentelemetry.exporter", "transformers"]

LIGHT_PROOF = """
import importlib.util, pkgutil, sys

import kilnmark.client, kilnmark.farm, kilnmark.keymaps, kilnmark.lab, kilnmark.otel, kilnmark.protocol, kilnmark.web

parts = ("client", "farm", "keymaps", "lab", "otel", "protocol", "web")
for room in (getattr(kilnmark, part) for part in parts):
    for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        if not module.name.endswith(("__main__", "client.testing.fixtures")):  # the latter is pytest's to import
            importlib.import_module(module.name)

def installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False

heavy = [name for name in sys.argv[1:] if installed(name)]
assert not heavy, heavy
assert all("site-packages" in path for path in kilnmark.client.__path__), kilnmark.client.__path__
"""

KEYMAPS_PROOF = """
from pathlib import Path

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter

adapter = read_adapter(make_adapter(Path("healthy.safetensors"), rank=1), load_shapes("dev"))
print(adapter.total_key_count, adapter.matched_key_count, adapter.target_count)
"""

STYLE_PROOF = """
import json, subprocess, sys
from pathlib import Path

from kilnmark.keymaps.zoo.write import make_adapter

genre = Path("packs", "ink")
genre.mkdir(parents=True)
entry = {"name": "a", "file": "a.safetensors", "scale": 1, "applies_to": ["scene"], "trigger": "inkwash"}
genre.joinpath("visual_style.yaml").write_text(json.dumps({"loras": [entry]}))
make_adapter(genre / "a.safetensors", rank=1, blocks=1)
program = str(Path(sys.executable).with_name("kilnmark"))
command = [program, "style", "compose", "a mill", "--packs", "packs", "--genre", "ink", "--tier", "scene", "--json"]
shown = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
print(shown["prompt"], shown["loras"][0]["inspection"]["verdict"])
"""

BATCH_PROOF = """
import json, subprocess, sys
from importlib.resources import files
from pathlib import Path

program = str(Path(sys.executable).with_name("kilnmark"))
packs = str(files("kilnmark") / "genre_packs")
command = [program, "batch", "poi", "--packs", packs, "--dry-run", "--json"]
shown = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
print(len(shown["items"]), shown["problems"], all(item["tokens"]["estimated"] for item in shown["items"]))
"""

PAGE_PROOF = """
from pathlib import Path
from kilnmark.client.batch.page.page import write_page
from kilnmark.client.batch.run.manifest import Manifest

print("Nothing yet" in write_page(Path(), Manifest()).read_text())
"""

CONFIG_PROOF = """
import json, subprocess, sys
from pathlib import Path

program = str(Path(sys.executable).with_name("kilnmark"))
command = [program, "config", "--ageing", "7", "--json"]
shown = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
print([entry["value"] for entry in shown["settings"] if entry["origin"] == "option"])
"""

MODELS_PROOF = """
import json, subprocess, sys
from pathlib import Path

program = str(Path(sys.executable).with_name("kilnmark"))

def models(*words):
    return json.loads(subprocess.run([program, "models", *words, "--json"], capture_output=True, timeout=60).stdout)

shown = models("list")
print(len(shown["models"]) > 9, shown["memory_bytes"], models("pull", "z-image")["error"]["kind"])
"""

TRACES_PROOF = """
import os

os.environ["OTEL_TRACES_EXPORTER"] = "otlp"
from kilnmark.otel.setup import start

print(start("light").enabled)
"""


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    assert UV.exists(), "uv is missing; `make setup` gets it"
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, cwd=ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def clean_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a program of an environment that has the wheel and its light dependencies, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("clean")
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    programs = folder / "venv" / "bin"
    run(UV, "pip", "install", "--quiet", "--python", programs / "python", wheel, cwd=folder)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_", "COVERAGE"))}

    def call(program: str, *arguments: str | Path) -> str:
        return run(programs / program, *arguments, cwd=folder, env=env)

    return call


def test_the_wheel_holds_every_part_its_data_and_no_namespace_init(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"kilnmark/{part}/py.typed" for part in PARTS} <= names
    assert any(name.startswith("kilnmark/keymaps/names/conventions/") and name.endswith(".yaml") for name in names)
    assert any(name.startswith("kilnmark/keymaps/names/model_shapes/") and name.endswith(".json") for name in names)
    assert {f"kilnmark/protocol/content/{name}" for name in ("tiers.yaml", "json_schemas/genre.schema.json")} <= names
    page = ("page.html", "card.html", "page.css", "script/base.js", "script/kept.js", "script/live.js")
    assert {f"kilnmark/client/batch/page/{part}" for part in page} <= names
    assert "kilnmark/genre_packs/weatherwright/visual_style.yaml" in names
    assert {f"kilnmark/models/mini/{part}/config.json" for part in ("transformer", "text_encoder", "vae")} <= names
    assert "kilnmark/__init__.py" not in names
    assert not any("__pycache__" in name or name.startswith("tests") for name in names)


def test_the_model_that_comes_with_it_takes_8_megabytes_at_most(wheel: Path) -> None:
    packed = zipfile.ZipFile(wheel).infolist()
    own = sum(file.compress_size for file in packed if file.filename.startswith("kilnmark/models/"))
    assert 0 < own < 8_000_000


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [licence] = [name for name in archive.namelist() if name.endswith("LICENSE")]
        assert b"kilnmark contributors" in archive.read(licence)


def test_the_light_rooms_import_there_and_nothing_heavy_is_installed(clean_environment: Callable[..., str]) -> None:
    assert clean_environment("python", "-c", LIGHT_PROOF, *HEAVY) == ""


def test_the_command_answers_there(clean_environment: Callable[..., str]) -> None:
    assert "render" in clean_environment("kilnmark", "--help")


def test_keymaps_read_there_an_adapter_written_there(clean_environment: Callable[..., str]) -> None:
    counts = clean_environment("python", "-c", KEYMAPS_PROOF)
    assert counts.split() == ["988", "988", "494"]


def test_a_style_is_composed_there(clean_environment: Callable[..., str]) -> None:
    assert clean_environment("python", "-c", STYLE_PROOF) == "inkwash, a mill engaged\n"


def test_a_batch_is_planned_there(clean_environment: Callable[..., str]) -> None:
    assert clean_environment("python", "-c", BATCH_PROOF) == "5 [] True\n"


def test_a_wish_for_traces_is_answered_there_by_the_extras_name(clean_environment: Callable[..., str]) -> None:
    assert clean_environment("python", "-c", TRACES_PROOF).strip() == "False"


def test_a_review_page_is_written_there(clean_environment: Callable[..., str]) -> None:
    assert clean_environment("python", "-c", PAGE_PROOF) == "True\n"


def test_the_settings_of_a_daemon_are_shown_there(clean_environment: Callable[..., str]) -> None:
    assert clean_environment("python", "-c", CONFIG_PROOF) == "[7.0]\n"


def test_models_are_told_of_there_and_what_fetching_them_takes(clean_environment: Callable[..., str]) -> None:
    assert clean_environment("python", "-c", MODELS_PROOF).split() == ["True", "None", "hub_not_installed"]
