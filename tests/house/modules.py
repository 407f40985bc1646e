"""Every module of the product, read and parsed once for all tests of a file.

What was parsed is forgotten behind each file: eighty megabytes that nobody else reads.
"""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

__all__ = ["ROOT", "forget", "nodes", "paths", "tree"]

ROOT = Path(__file__).resolve().parents[2]


@cache
def paths() -> Mapping[str, Path]:
    """By their paths below the import root."""
    found = (path for folder in sorted(ROOT.glob("*/kilnmark")) for path in sorted(folder.rglob("*.py")))
    return {path.as_posix().rpartition("/kilnmark/")[2]: path for path in found}


@cache
def tree(path: Path) -> ast.Module:
    """Of one module; whoever gets it leaves it as it is."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of its tree, the outer ones first."""
    return tuple(ast.walk(tree(path)))


def forget() -> None:
    """Let all that was parsed go."""
    tree.cache_clear()
    nodes.cache_clear()
