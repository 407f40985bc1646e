"""How long `kilnmark batch poi --dry-run` takes over a tree of 11 genres and 184 YAML files, beside PyYAML alone.

The rival reads the same 184 files with PyYAML's own C loader, in a process of its own too, and does nothing with them.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.packs.tree import make_packs_tree

pytestmark = pytest.mark.benchmark

LIMIT_S = 2.0
"""Seconds of the wall's clock that it may take, the interpreter's start included."""
TURNS = 5

_PYYAML = """
import sys, yaml
from pathlib import Path

for path in Path(sys.argv[1]).rglob("*.yaml"):
    try:
        yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        pass
"""


def seconds(*command: str) -> float:
    """The median of some turns."""
    taken = []
    for _ in range(TURNS):
        begin = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False, timeout=60)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def test_a_dry_run_of_all_places_is_done_within_two_seconds(tmp_path: Path) -> None:
    tree = make_packs_tree(tmp_path)
    program = str(Path(sys.executable).with_name("kilnmark"))
    ours = seconds(program, "batch", "poi", "--packs", str(tree.root), "--dry-run", "--json")
    rival = seconds(sys.executable, "-c", _PYYAML, str(tree.root))
    print(f"\ndry run {ours:.2f} s, PyYAML alone {rival:.2f} s: {ours / rival:.1f} times")
    assert ours < LIMIT_S
