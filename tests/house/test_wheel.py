"""The wheel, built and installed without extras in a clean environment, as `pip install kilnmark` does it.

There, the client and the keymaps must work, and nothing of the daemon's heavy packages may be needed or present.
"""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".uv" / "bin" / "uv"
PARTS = ["client", "daemon", "engine", "farm", "keymaps", "lab", "otel", "protocol", "web"]
HEAVY = ["mlx", "mflux", "uvloop", "torch", "scipy", "opentelemetry.sdk", "opentelemetry.exporter", "transformers"]

PROOF = """
import contextlib, importlib.util, io, json, os, pkgutil, sys, traceback
from importlib.resources import files
from pathlib import Path

import kilnmark.client, kilnmark.farm, kilnmark.keymaps, kilnmark.lab, kilnmark.otel, kilnmark.protocol, kilnmark.web

def light():
    parts = ("client", "farm", "keymaps", "lab", "otel", "protocol", "web")
    for room in (getattr(kilnmark, part) for part in parts):
        for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
            if not module.name.endswith(("__main__", "client.testing.fixtures")):  # the latter is pytest's to import
                importlib.import_module(module.name)
    assert all("site-packages" in path for path in kilnmark.client.__path__), kilnmark.client.__path__
    return [name for name in sys.argv[1:] if installed(name)]

def installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False

def keymaps():
    from kilnmark.keymaps.adapter import read_adapter
    from kilnmark.keymaps.names.shapes import load_shapes
    from kilnmark.keymaps.zoo.write import make_adapter

    adapter = read_adapter(make_adapter(Path("healthy.safetensors"), rank=1), load_shapes("dev"))
    return [adapter.total_key_count, adapter.matched_key_count, adapter.target_count]

def style():
    from kilnmark.keymaps.zoo.write import make_adapter

    genre = Path("packs", "ink")
    genre.mkdir(parents=True)
    entry = {"name": "a", "file": "a.safetensors", "scale": 1, "applies_to": ["scene"], "trigger": "inkwash"}
    genre.joinpath("visual_style.yaml").write_text(json.dumps({"loras": [entry]}))
    make_adapter(genre / "a.safetensors", rank=1, blocks=1)
    shown = said("style", "compose", "a mill", "--packs", "packs", "--genre", "ink", "--tier", "scene")
    return [shown["prompt"], shown["loras"][0]["inspection"]["verdict"]]

def batch():
    shown = said("batch", "poi", "--packs", str(files("kilnmark") / "genre_packs"), "--dry-run")
    return [len(shown["items"]), shown["problems"], all(item["tokens"]["estimated"] for item in shown["items"])]

def page():
    from kilnmark.client.batch.page.page import write_page
    from kilnmark.client.batch.run.manifest import Manifest

    return "Nothing yet" in write_page(Path(), Manifest()).read_text()

def config():
    shown = said("config", "--ageing", "7")
    return [entry["value"] for entry in shown["settings"] if entry["origin"] == "option"]

def models():
    shown = said("models", "list")
    return [len(shown["models"]) > 9, shown["memory_bytes"], said("models", "pull", "z-image")["error"]["kind"]]

def traces():
    from kilnmark.otel.setup import start

    os.environ["OTEL_TRACES_EXPORTER"] = "otlp"
    return start("light").enabled

def said(*words):
    from kilnmark.client.cli.main import main

    out, told = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), sys.argv
    sys.argv = ["kilnmark", *words, "--json"]
    try:
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            main()
    finally:
        sys.argv = told
    out.seek(0)
    return json.load(out)

def proved(proof):
    try:
        return proof()
    except BaseException:
        return traceback.format_exc()

proofs = (traces, keymaps, page, style, batch, config, models, light)
print(json.dumps({proof.__name__: proved(proof) for proof in proofs}))
"""
"""What the wheel is there for, in one process: most of the time of each would be that of importing what it needs."""


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


@pytest.fixture(scope="module")
def proved(clean_environment: Callable[..., str]) -> Mapping[str, Any]:
    """What each proof came to, by its name; the trace of its error where it had one."""
    found: Mapping[str, Any] = json.loads(clean_environment("python", "-c", PROOF, *HEAVY))
    return found


def test_the_light_rooms_import_there_and_nothing_heavy_is_installed(proved: Mapping[str, Any]) -> None:
    assert proved["light"] == []


def test_the_command_answers_there(clean_environment: Callable[..., str]) -> None:
    assert "render" in clean_environment("kilnmark", "--help")


def test_keymaps_read_there_an_adapter_written_there(proved: Mapping[str, Any]) -> None:
    assert proved["keymaps"] == [988, 988, 494]


def test_a_style_is_composed_there(proved: Mapping[str, Any]) -> None:
    assert proved["style"] == ["inkwash, a mill", "engaged"]


def test_a_batch_is_planned_there(proved: Mapping[str, Any]) -> None:
    assert proved["batch"] == [5, [], True]


def test_a_wish_for_traces_is_answered_there_by_the_extras_name(proved: Mapping[str, Any]) -> None:
    assert proved["traces"] is False


def test_a_review_page_is_written_there(proved: Mapping[str, Any]) -> None:
    assert proved["page"] is True


def test_the_settings_of_a_daemon_are_shown_there(proved: Mapping[str, Any]) -> None:
    assert proved["config"] == [7.0]


def test_models_are_told_of_there_and_what_fetching_them_takes(proved: Mapping[str, Any]) -> None:
    assert proved["models"] == [True, None, "hub_not_installed"]
