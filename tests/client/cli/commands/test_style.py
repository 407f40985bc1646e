"""`style` as a process: a composition with a daemon and without, its exit codes, and the schemas."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kilnmark.client.cli.main import _run
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.content.schemas import SCHEMAS, shipped_schema
from tests.manifests import manifest

GENRE = """\
positive_suffix: ink on paper
base_seed: 12
loras:
  - {name: wash, file: loras/wash.safetensors, scale: 0.5, applies_to: [portrait, scene], trigger: inkwash}
  - {name: line, file: loras/line.safetensors, scale: 0.7, applies_to: [portrait, cartography]}
"""
LIGHT = """
import sys
from kilnmark.client.cli.main import _run

code = _run(sys.argv[1:], as_json=True)
heavy = {"mlx", "mflux", "uvloop", "torch", "opentelemetry.sdk", "kilnmark.daemon", "kilnmark.engine"}
print(code, sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One genre, whose `wash` is healthy and whose `line` is not there, with a world that does without `line`."""
    folder = tmp_path_factory.mktemp("packs")
    world = folder / "ink" / "worlds" / "mire"
    world.mkdir(parents=True)
    (folder / "ink" / "loras").mkdir()
    (folder / "ink" / "visual_style.yaml").write_text(GENRE)
    (world / "visual_style.yaml").write_text("loras: {exclude: [line]}\n")
    make_adapter(folder / "ink" / "loras" / "wash.safetensors", blocks=1, rank=1)
    return folder


class Done(NamedTuple):
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


Style = Callable[..., Done]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def style(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Style:
    """Run a command of the group in this process, where no daemon is."""
    monkeypatch.setenv("KILNMARK_SOCKET", "/nowhere/daemon.sock")

    def call(*arguments: str | Path) -> Done:
        code = _run(["style", *map(str, arguments)], as_json="--json" in arguments)
        return Done(code, *capsys.readouterr())

    return call


def test_without_a_daemon_the_document_is_the_whole_composition(style: Style, shelf: Path) -> None:
    done = style(
        "compose", "a mill", "--packs", shelf, "--genre", "ink", "--world", "mire", "--tier", "portrait", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    [lora] = document.pop("loras")
    assert document == {
        "stack": {
            "source": "style",
            "genre": "ink",
            "world": "mire",
            "tier": "portrait",
            "names": ["wash"],
            "excluded": ["line"],
            "triggers": ["inkwash"],
        },
        "prompt": "inkwash, a mill, ink on paper",
        "place": None,
        "tag": None,
        "negative_prompt": None,
        "variant": "dev",
        "seed": 12,
        "width": 768,
        "height": 1024,
        "draft": False,
        "steps": 12,
        "guidance": 3.5,
        "problems": [],
        "other_problems": [],
        "warnings": [],
        "require_promoted": False,
    }
    inspection = lora.pop("inspection")
    assert lora == {
        "name": "wash",
        "file": "loras/wash.safetensors",
        "scale": 0.5,
        "scales": {},
        "trigger": "inkwash",
        "level": "genre",
        "promoted": None,
    }
    assert (inspection["verdict"], inspection["matched_key_count"], inspection["targets"]) == ("engaged", 40, [])


def test_adapters_behind_a_style_are_looked_at_too(style: Style, shelf: Path, tmp_path: Path) -> None:
    own = make_adapter(tmp_path / "own.safetensors", blocks=1, rank=1)
    where = ("--packs", shelf, "--genre", "ink", "--world", "mire", "--tier", "portrait", "--json")
    done = style("compose", *where, "--extra-lora", f"{own}:0.4,double=0.2", "--extra-lora", own)
    loras = json.loads(done.stdout)["loras"]
    assert done.returncode == 0
    assert [(each["name"], each["scale"], each["scales"], each["level"]) for each in loras] == [
        ("wash", 0.5, {}, "genre"),
        ("own", 0.4, {"double": 0.2}, "request"),
        ("own", 1.0, {}, "request"),
    ]


@pytest.mark.parametrize("given", ["gone.safetensors", "{own}:1,txt=0.3"])
def test_one_that_would_not_engage_is_not_let_pass(style: Style, shelf: Path, tmp_path: Path, given: str) -> None:
    own = make_adapter(tmp_path / "own.safetensors", blocks=1, rank=1)
    extra = given.format(own=own)
    done = style(
        "compose", "--packs", shelf, "--genre", "ink", "--world", "mire", "--tier", "portrait", "--extra-lora", extra
    )
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("place", "shown"), [("Old Mill", "Old Mill (tag 'mill')"), ("Milltown", "Milltown (no tag is meant for it)")]
)
def test_it_shows_the_tag_of_a_place(style: Style, tmp_path: Path, place: str, shown: str) -> None:
    (tmp_path / "ink").mkdir()
    (tmp_path / "ink" / "visual_style.yaml").write_text("visual_tag_overrides: {mill: still water}\n")
    done = style("compose", "x", "--packs", tmp_path, "--genre", "ink", "--tier", "scene", "--place", place)
    assert (done.returncode, shown in done.stdout) == (0, True)
    assert ("x, still water" in done.stdout) is ("tag 'mill'" in shown)


def test_it_is_read_by_the_light_installation(shelf: Path) -> None:
    arguments = ["style", "compose", "--packs", str(shelf), "--genre", "ink", "--tier", "scene", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "0 []"


def test_a_file_that_is_not_there_is_shown_where_it_is_named(style: Style, shelf: Path) -> None:
    done = style("compose", "--packs", shelf, "--genre", "ink", "--tier", "cartography")
    assert done.returncode == 3
    assert "error: ink/visual_style.yaml:5: loras[1].file: loras/line.safetensors: no such file in " in done.stdout
    assert "refused" in done.stdout


@pytest.mark.parametrize(
    ("scales", "code", "words"),
    [
        ("{double: 0.3}", 0, "0.5, double 0.3"),
        ("{double.19: 1}", 3, "4: loras[0].scales: this base has no blocks 'double.19'; it has double (double.0-18)"),
        ("{single.3: 1}", 3, "it has no layer in 'single.3'; it changes double.0-0, single.0-0"),
        ("{double: 0, single: 0}", 3, "4: loras[0].scales: is asked for at scale 0 on all that it changes"),
    ],
)
def test_scales_for_blocks_that_are_not_there_are_told_where_they_are_written(
    style: Style, tmp_path: Path, scales: str, code: int, words: str
) -> None:
    (tmp_path / "ink" / "loras").mkdir(parents=True)
    document = GENRE.replace("scale: 0.5,", f"scale: 0.5, scales: {scales},")
    (tmp_path / "ink" / "visual_style.yaml").write_text(document)
    make_adapter(tmp_path / "ink" / "loras" / "wash.safetensors", blocks=1, rank=1)
    done = style("compose", "--packs", tmp_path, "--genre", "ink", "--tier", "scene", "--json")
    composition = json.loads(done.stdout)
    shown = [*(each["message"] for each in composition["problems"])]
    assert (done.returncode, len(shown)) == (code, int(code != 0))
    told = style("compose", "--packs", tmp_path, "--genre", "ink", "--tier", "scene").stdout
    assert words in " ".join(told.split())


def test_a_further_root_may_have_the_file(style: Style, shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "loras").mkdir()
    make_adapter(tmp_path / "loras" / "line.safetensors", blocks=1, rank=1)
    done = style("compose", "--packs", shelf, "--lora-root", tmp_path, "--genre", "ink", "--tier", "cartography")
    assert (done.returncode, "engaged" in done.stdout) == (0, True)


def test_a_dead_adapter_is_told_once_below_the_table(style: Style, shelf: Path, tmp_path: Path) -> None:
    packs = shutil.copytree(shelf, tmp_path / "packs")
    make_adapter(packs / "ink" / "loras" / "wash.safetensors", rank=2, blocks=1, dead=True)
    done = style("compose", "--packs", packs, "--genre", "ink", "--tier", "portrait")
    assert done.returncode == 3
    [told] = [line for line in done.stdout.splitlines() if "exactly zero" in line]
    assert told.startswith("error: wash is noop: all ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--genre", "inc", "--tier", "scene"], "'inc' is no genre here - at `--genre`; there is ink"),
        (["--genre", "ink", "--world", "mir", "--tier", "scene"], "did you mean 'mire'?"),
        (["--genre", "ink", "--tier", "scenery"], "'scenery' is no tier here - at `--tier`; did you mean 'scene'?"),
    ],
)
def test_an_unknown_name_is_a_usage_error(style: Style, shelf: Path, arguments: list[str], words: str) -> None:
    done = style("compose", "--packs", shelf, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_document_that_cannot_be_used_is_told_by_file_and_line(style: Style, tmp_path: Path) -> None:
    (tmp_path / "ink").mkdir()
    (tmp_path / "ink" / "visual_style.yaml").write_text("base_seed: x\nloras:\n  - {name: a}\n")
    done = style("compose", "--packs", tmp_path, "--genre", "ink", "--tier", "scene", "--json")
    assert done.returncode == 2
    problems = json.loads(done.stdout)["error"]["detail"]["problems"]
    assert [(problem["line"], problem["entry"]) for problem in problems] == [
        (1, "base_seed"),
        (3, "loras[0].file"),
        (3, "loras[0].scale"),
        (3, "loras[0].applies_to"),
    ]


def test_a_problem_that_is_no_matter_to_the_picture_is_told_with_it(style: Style, tmp_path: Path) -> None:
    (tmp_path / "ink").mkdir()
    text = "visual_tag_overrides:\n  mill: [x]\n  gate: wet\n"
    (tmp_path / "ink" / "visual_style.yaml").write_text(text)
    ask = ("compose", "x", "--packs", tmp_path, "--genre", "ink", "--tier", "scene", "--place")
    gate, mill = style(*ask, "Gate"), style(*ask, "Mill")
    line = "ink/visual_style.yaml:2: visual_tag_overrides.mill: must be text"
    assert (gate.returncode, f"problem: {line}" in gate.stdout, "x, wet" in gate.stdout) == (1, True, True)
    assert (mill.returncode, mill.stdout, line in mill.stderr) == (2, "", True)
    document = json.loads(style(*ask, "Gate", "--json").stdout)
    assert ([problem["line"] for problem in document["other_problems"]], document["problems"]) == ([2], [])


def test_what_is_not_promoted_is_shown_and_wrong_where_it_has_to_be(style: Style, shelf: Path, tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    shutil.copytree(shelf, packs)
    asked = ("compose", "--packs", packs, "--genre", "ink", "--world", "mire", "--tier", "portrait")
    (packs / "ink" / "loras.yaml").write_text(manifest())
    free = style(*asked)
    assert (free.returncode, "promoted" in free.stdout, "error:" in free.stdout) == (0, True, False)
    (packs / "ink" / "tiers.yaml").write_text("portrait: {require_promoted: true}\n")
    bound = style(*asked)
    assert bound.returncode == 3
    assert "error: ink/visual_style.yaml:4: loras[0].file: is not promoted in ink" in bound.stdout
    (packs / "ink" / "loras.yaml").write_text(manifest(content_hash(packs / "ink" / "loras" / "wash.safetensors")))
    assert style(*asked).returncode == 0
    assert "was verified" not in style(*asked).stdout
    wash = content_hash(packs / "ink" / "loras" / "wash.safetensors")
    (packs / "ink" / "loras.yaml").write_text(manifest(wash, scale=1.0))
    other = style(*asked, "--json")
    said = "'wash' serves at scale 0.5, and was verified at 1; let it serve at that one, or verify it as it serves, and"
    assert other.returncode == 0
    assert f"ink/visual_style.yaml:4: loras[0].scale: {said} promote it again" in json.loads(other.stdout)["warnings"]
    (packs / "ink" / "loras.yaml").write_text("[")
    assert "error: ink/loras.yaml:1: is not YAML" in style(*asked).stdout


def test_with_a_daemon_its_own_packs_are_meant(run: Run, packs: Path) -> None:
    done = run("style", "compose", "a mill", "--genre", "ink", "--world", "mire", "--tier", "portrait")
    assert done.returncode == 3
    assert "inkwash, a mill, ink on paper" in done.stdout
    assert "all 20 updates are exactly zero" in done.stdout


def test_roots_of_ones_own_need_packs_of_ones_own(run: Run, packs: Path) -> None:
    done = run("style", "compose", "--genre", "ink", "--tier", "portrait", "--lora-root", str(packs))
    assert (done.returncode, "give --packs too" in done.stderr) == (2, True)


def test_a_render_by_genre_shows_its_style(run: Run, packs: Path) -> None:
    size = ("--width", "64", "--height", "64", "--steps", "1")
    done = run("render", "a mill", "--genre", "ink", "--tier", "portrait", *size)
    assert done.returncode == 0
    assert "ink / portrait" in done.stdout


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_printed_as_it_is_shipped(style: Style, name: str) -> None:
    assert style("schema", name) == (0, shipped_schema(name), "")
