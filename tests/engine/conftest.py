"""One short standin for all engine tests: it is never modified, which is what many of them prove."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.arrays import PRECISION  # isort: skip - before whatever takes the precision from `compute`

from kilnmark.engine.compute import set_limits
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.stack.stack import Stacker
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.zoo.write import make_adapter
from tests.engine.short import BLOCKS, short_standin

from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer, TokenizerOutput  # isort: skip - after the engine, which puts the fast BLAS first


PADDED = 512
"""Tokens from which on a prompt's length is one that it is filled up to."""


@pytest.fixture(scope="module", autouse=True)
def short_prompts() -> Iterator[None]:
    """Prompts are filled up to a quarter of the tokens that ours and mflux's own classes ask for, each by itself.

    Most of what a small model does is the attention between tokens that say nothing, by the square of their number.
    """
    own = LanguageTokenizer.tokenize

    def tokenize(
        tokenizer: LanguageTokenizer, prompt: str | list[str], *, max_length: int | None = None, **more: Any
    ) -> TokenizerOutput:
        asked = max_length or tokenizer.max_length
        return own(tokenizer, prompt, max_length=asked // 4 if asked >= PADDED else asked, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LanguageTokenizer, "tokenize", tokenize)
        yield


@pytest.fixture(scope="session", autouse=True)
def _limits() -> None:
    """As in a worker: without them MLX would keep what every large base of these tests leaves behind."""
    set_limits(None)


def pytest_report_header() -> str:
    return f"the engine's tests compute in {PRECISION}"


@pytest.fixture(scope="session")
def base() -> Base:
    """Of FLUX.1, with a few of its blocks."""
    return short_standin()


@pytest.fixture(scope="session")
def whole() -> Base:
    """With all its blocks."""
    return load_base("standin", None)


@pytest.fixture(scope="session")
def quick() -> Base:
    """Another that computes in `fast`; as little modified."""
    return short_standin(numerics="fast")


@pytest.fixture
def stacker(base: Base) -> Iterator[Stacker]:
    """The base's, whose stack is taken off again."""
    yield base.stacker
    base.stacker.switch([])


@pytest.fixture(scope="session")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For all its blocks: `healthy` and `other` in two conventions, `dead` by zero weights, `unknown` by its names."""
    folder = tmp_path_factory.mktemp("adapters")
    make_adapter(folder / "healthy.safetensors", "diffusers", rank=4, seed=1, blocks=BLOCKS)
    make_adapter(folder / "other.safetensors", "kohya", rank=2, seed=2, alpha=1.0, blocks=BLOCKS)
    make_adapter(folder / "dead.safetensors", "diffusers", rank=1, seed=3, blocks=BLOCKS, dead=True)
    make_adapter(folder / "unknown.safetensors", "unknown", rank=1, seed=4, blocks=BLOCKS)
    return folder


@pytest.fixture(scope="session")
def healthy(base: Base, adapters: Path) -> Adapter:
    return read_adapter(adapters / "healthy.safetensors", base.shapes)


@pytest.fixture(scope="session")
def other(base: Base, adapters: Path) -> Adapter:
    return read_adapter(adapters / "other.safetensors", base.shapes)
