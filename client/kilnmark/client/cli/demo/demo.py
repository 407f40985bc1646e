"""The demonstration: trained adapters, two of them broken, and a daemon of its own that tells them apart.

Everything in it is the real thing: the daemon and its worker are processes, the base is `mini`, the adapters are those
of the sample pack, the trace is what any daemon writes.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import msgspec

from kilnmark.client.cli.commands.serve import require_daemon
from kilnmark.client.cli.demo.exhibits import (
    DEAD,
    EXHIBITS,
    DemoExhibit,
    DemoResult,
    Finding,
    WorldShown,
    gather_adapters,
)
from kilnmark.client.cli.demo.own_daemon import own_daemon
from kilnmark.client.cli.demo.page import write_page
from kilnmark.client.cli.demo.sheet import draw_sheet
from kilnmark.client.reports import reports_of
from kilnmark.client.sync import Client
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import AdapterNotEngaged
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["paint_worlds", "run", "sample_packs"]

BASE = "mini"
PROMPT = "a striped balloon over a castle by day under a clear sky"
SEED = 7

GENRE, TIER = "weatherwright", "landscape"
WORLDS = ("carding_moor", "brine_exchange")
WORLDS_PROMPT = "a forest"
"""The rest is for the worlds to say."""

Tell = Callable[[str], None]


def run(output: Path, tell: Tell) -> DemoResult:
    """Show it.

    Args:
        output: Folder for pictures, adapters, the daemon's log and the trace; made when absent. Files of an earlier
            demonstration in it are replaced.
        tell: Called with a line at every stage.

    Raises:
        DaemonNotInstalled: the daemon's packages are missing.
        DaemonDidNotStart: the daemon did not come up.
    """
    require_daemon()
    began = time.monotonic()
    output = output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    trace, pictures = output / "trace.jsonl", output / "pictures"
    trace.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="kilnmark-demo-") as folder:
        tell(f"starting a daemon with {BASE}, a small model that comes with kilnmark")
        with (
            sample_packs() as packs,
            own_daemon(_settings(Path(folder), output, packs, trace), output / "daemon.log") as socket,
        ):
            for folder_of_ours in (output / "adapters", pictures):
                shutil.rmtree(folder_of_ours, ignore_errors=True)
                folder_of_ours.mkdir()
            paths = gather_adapters(packs, output / "adapters")
            with Client(socket) as client:
                shown = _show(client, paths, pictures, tell)
                tell("painting one prompt in both worlds of the sample pack, by genre, world and tier")
                worlds = paint_worlds(client, lambda result, name: _keep(result, pictures / f"{name}.png"))
    spans = trace.read_bytes().count(b'"spanId"')
    shown = msgspec.structs.replace(shown, worlds=worlds, trace=str(trace), spans=spans)
    sheet = draw_sheet(shown, output / "sheet.png")
    page = write_page(shown, output / "index.html")
    return msgspec.structs.replace(shown, sheet=str(sheet), page=str(page), seconds=time.monotonic() - began)


def _show(client: Client, paths: Mapping[str, Path], pictures: Path, tell: Tell) -> DemoResult:
    def render(*names: str, on_mismatch: Literal["error", "warn"] = "warn") -> RenderResult:
        stack = [paths[name] for name in names]
        return client.render(PROMPT, seed=SEED, lora_paths=stack, on_mismatch=on_mismatch, cache=False)

    tell("waiting for the base")
    client.warm_up()
    tell("painting without adapters")
    before = _keep(render(), pictures / "without.png")
    findings = []
    for exhibit in EXHIBITS:
        tell(f"painting with {exhibit.name}: {exhibit.says}")
        result = render(*exhibit.adapters)
        findings.append(_finding(exhibit, result, before, _keep(result, pictures / f"{exhibit.name}.png")))
    tell("asking for two healthy adapters and a dead one")
    refusal, accused = "it was not refused", []
    try:
        render("gouache", DEAD, "balloon", on_mismatch="error")
    except AdapterNotEngaged as error:
        refusal, accused = error.message, _accused(error)
    tell("painting without adapters again")
    after = _keep(render(), pictures / "without-again.png")
    return DemoResult(
        prompt=PROMPT,
        findings=findings,
        refusal=refusal,
        accused=accused,
        base_unchanged=_difference(before, after) == 0,
        base_picture=str(before),
    )


def _finding(exhibit: DemoExhibit, result: RenderResult, before: Path, picture: Path) -> Finding:
    return Finding(
        name=exhibit.name,
        says=exhibit.says,
        expected=exhibit.expected,
        reports=result.loras,
        pixels_moved=_difference(before, picture),
        picture=str(picture),
        timings=result.timings,
    )


def _accused(error: AdapterNotEngaged) -> list[str]:
    return [report.name for report in reports_of(error) if report.verdict is not Verdict.ENGAGED]


def _keep(result: RenderResult, goal: Path) -> Path:
    """Give the daemon's picture a name that says what it shows."""
    return Path(shutil.move(result.image_path, goal))


def _difference(one: Path, other: Path) -> float:
    """Mean absolute difference of two pictures, of 255."""
    import numpy as np
    from PIL import Image

    with Image.open(one) as first, Image.open(other) as second:
        pixels = [np.asarray(picture, dtype=np.float64) for picture in (first, second)]
    return float(np.abs(pixels[0] - pixels[1]).mean())


def _settings(folder: Path, output: Path, packs: Path, trace: Path) -> Settings:
    return Settings(
        socket=folder / "daemon.sock",
        variant=BASE,
        output_dir=folder / "pictures",
        lora_roots=((output / "adapters").absolute(),),
        packs=packs,
        trace_file=trace,
    )


@contextmanager
def sample_packs() -> Iterator[Path]:
    """The folder of packs that comes with the program, to be read only."""
    with as_file(files("kilnmark") / "genre_packs") as folder:
        yield folder


def paint_worlds(client: Client, keep: Callable[[RenderResult, str], Path]) -> list[WorldShown]:
    """Render one prompt in every world of the sample pack; the daemon composes the stacks.

    Args:
        client: Of a daemon that has the sample packs.
        keep: Puts a picture where it stays, under a name without suffix.
    """
    shown = []
    for world in WORLDS:
        result = client.render(WORLDS_PROMPT, genre=GENRE, world=world, tier=TIER, seed=SEED, cache=False)
        picture = keep(result, world)
        shown.append(WorldShown(prompt=WORLDS_PROMPT, stack=result.stack, loras=result.loras, picture=str(picture)))
    return shown
