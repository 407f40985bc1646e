"""All stages once round in a folder, two steps of each: they fit together, and a second round does nothing anew."""

from pathlib import Path

import pytest

from scripts.mini.model.directory import read_directory
from scripts.mini.plan import QUICK
from scripts.mini.stages import STAGES, Workshop

TORCH = Path(".mini/bin/python")


@pytest.mark.slow
@pytest.mark.skipif(not TORCH.exists(), reason="PyTorch lives in .mini, which `make mini-train` makes")
def test_the_stages_make_a_directory_and_are_done_once(tmp_path: Path) -> None:
    first = Workshop(tmp_path, QUICK, TORCH)
    told = {stage: getattr(first, stage)() for stage in STAGES}
    assert told["directory"]["bytes"] < 8_000_000
    assert told["directory"]["apart"] < 1e-3
    assert sorted(told["adapters"]) == [
        f"{name}.safetensors" for name in ("balloon", "gouache", "woodcut", "woodcut-dead")
    ]
    read_directory(tmp_path / "mini")
    kept = {
        path: path.stat().st_mtime_ns
        for path in tmp_path.rglob("*.np[yz]")
        if path.name not in ("norm.npz", "probe.npz")
    }
    assert len(kept) > 10
    again = Workshop(tmp_path, QUICK, TORCH)
    assert {stage: getattr(again, stage)() for stage in STAGES} == told
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
