"""What README and docs show is typed as it stands, page by page, against a daemon that paints."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml
from PIL import Image

from kilnmark.keymaps.zoo.write import make_adapter
from tests.docs.examples.blocks import ROOT, Block, blocks
from tests.docs.examples.held import OTHERS, PAGES, is_shown, other_tests
from tests.docs.examples.stage import Stage, lines_of

_SHELL = ("", "sh")


def _is_typed(block: Block) -> bool:
    return block.page not in PAGES and not is_shown(block) and block.language in (*_SHELL, "python")


def _is_begun(line: str) -> bool:
    return line.startswith(("kilnmark ", "echo "))


def _is_needed(block: Block) -> bool:
    """Whether anything of it is typed here."""
    return block.language == "python" or any(not other_tests(line) for line in lines_of(block.text))


TYPED: Final = sorted({block.page for block in blocks() if _is_typed(block) and _is_needed(block)})


def test_every_page_or_command_that_others_hold_has_a_test() -> None:
    assert [test for test in (*PAGES.values(), *OTHERS.values()) if not (ROOT / test).exists()] == []


def test_every_block_is_typed_held_elsewhere_or_shown() -> None:
    unknown = [
        f"{block.page}:{block.line}: {line}"
        for block in blocks()
        if _is_typed(block) and block.language in _SHELL
        for line in lines_of(block.text)
        if not (_is_begun(line) or other_tests(line))
    ]
    assert unknown == []


@pytest.mark.parametrize(
    "block", [one for one in blocks() if one.language == "yaml"], ids=lambda one: f"{one.page}:{one.line}"
)
def test_every_document_is_yaml(block: Block) -> None:
    assert yaml.safe_load(block.text)


def _adapter(rank: int) -> Callable[[Path], Path]:
    return lambda path: make_adapter(path, rank=rank, blocks=1)


def _portrait(path: Path) -> Path:
    Image.new("RGB", (256, 256), "teal").save(path)
    return path


def _shown(words: str) -> Callable[[Path], object]:
    """A document as a page shows it."""
    return lambda path: path.write_text(next(block.text for block in blocks() if words in block.text))


FILES: Final[Mapping[str, Mapping[str, Callable[[Path], object]]]] = {
    "README.md": {
        "~/loras/ink.safetensors": _adapter(2),
        "~/loras/rain.safetensors": _adapter(4),
        "ink.safetensors": _adapter(2),
        "rain.safetensors": _adapter(4),
    },
    "docs/how-to/character.md": {"~/portraits/tinker.png": _portrait},
    "docs/how-to/unread-file.md": {"FILE": _adapter(2)},
    "docs/init-images.md": {"~/portraits/ferryman.png": _portrait, "ferryman.png": _portrait},
    "docs/remap.md": {"adapters.safetensors": lambda path: make_adapter(path, rank=2, blocks=1)},
    "docs/visual-style.md": {
        "PACKS/ink/visual_style.yaml": _shown("positive_suffix: ink on rough paper"),
        "PACKS/ink/worlds/mire/visual_style.yaml": _shown("positive_suffix: ink and moss"),
    }
    | {
        f"PACKS/ink/{place}.safetensors": _adapter(rank)
        for place, rank in {"loras/wash": 2, "loras/line": 3, "worlds/mire/moss": 4}.items()
    },
}
"""What lies there before somebody types what a page shows."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="kilnmark-") as name:
        yield Path(name)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", TYPED)
def test_what_a_page_shows_works_as_it_stands(page: str, folder: Path) -> None:
    with Stage(folder, FILES.get(page, {})) as stage:
        for block in blocks():
            if block.page == page and _is_typed(block):
                if block.language == "python":
                    stage.run_python(block.text)
                else:
                    stage.type(block.text)
