"""The prompt cache: bounded in bytes, least recently used first out, evaluated on the way in."""

from pathlib import Path

import mlx.core as mx
import pytest

from kilnmark.engine.families.prompts import PromptCache

KIB = 1 << 10


def embeddings(kib: int = 1) -> tuple[mx.array, mx.array]:
    return mx.zeros((kib * KIB // 8,)), mx.zeros((kib * KIB // 8,))


def test_it_holds_no_more_than_its_limit() -> None:
    cache = PromptCache(lambda: (), limit=3 * KIB)
    for number in range(10):
        cache[f"prompt {number}"] = embeddings()
    assert (len(cache), cache.nbytes) == (3, 3 * KIB)
    assert "prompt 9" in cache
    assert "prompt 6" not in cache


def test_the_least_recently_used_leaves_first() -> None:
    cache = PromptCache(lambda: (), limit=2 * KIB)
    cache["old"], cache["new"] = embeddings(), embeddings()
    _ = cache["old"]
    cache["newest"] = embeddings()
    assert "old" in cache
    assert "new" not in cache


def test_one_larger_than_the_limit_is_still_held_until_the_next() -> None:
    cache = PromptCache(lambda: (), limit=KIB)
    cache["large"] = embeddings(2)
    assert "large" in cache
    cache["small"] = embeddings()
    assert "large" not in cache


def test_writing_a_prompt_again_counts_it_once() -> None:
    cache = PromptCache(lambda: (), limit=8 * KIB)
    cache["same"] = embeddings()
    cache["same"] = embeddings(2)
    assert (len(cache), cache.nbytes) == (1, 2 * KIB)


def test_a_prompt_is_found_only_under_what_is_on_the_text_encoders() -> None:
    on: list[str] = []
    cache = PromptCache(lambda: tuple(on), limit=8 * KIB)
    cache["kiln"] = bare = embeddings()
    on.append("styled")
    assert "kiln" not in cache
    cache["kiln"] = styled = embeddings()
    assert cache["kiln"] is styled
    on.clear()
    assert cache["kiln"] is bare
    assert (len(cache), cache.nbytes) == (2, 2 * KIB)


def test_one_that_is_expected_is_computed_when_somebody_asks_for_it() -> None:
    cache = PromptCache(lambda: (), limit=8 * KIB)
    cache.expect("kiln", embeddings())
    assert "kiln" in cache
    assert (len(cache), cache.nbytes) == (0, 0)
    cache.begin()
    assert cache["kiln"][0].nbytes == KIB // 2
    assert (len(cache), cache.nbytes) == (1, KIB)


def test_one_that_was_expected_is_kept_when_another_is_expected() -> None:
    cache = PromptCache(lambda: (), limit=8 * KIB)
    cache.expect("kiln", embeddings())
    cache.expect("rain", embeddings())
    assert "kiln" in cache
    assert len(cache) == 1


def test_one_is_expected_only_under_what_was_on_the_text_encoders() -> None:
    on: list[str] = []
    cache = PromptCache(lambda: tuple(on), limit=8 * KIB)
    cache.expect("kiln", embeddings())
    on.append("styled")
    assert "kiln" not in cache
    on.clear()
    assert "kiln" in cache


@pytest.fixture
def lost(tmp_path: Path) -> tuple[mx.array, ...]:
    """What cannot be computed any more."""
    path = tmp_path / "lost.npy"
    mx.save(str(path), mx.ones((1 << 16,)))
    read = mx.load(str(path))
    path.write_bytes(path.read_bytes()[:128])
    assert isinstance(read, mx.array)
    return (read,)


def test_what_cannot_be_computed_is_told_to_whoever_asks_and_may_be_tried_again(lost: tuple[mx.array, ...]) -> None:
    cache = PromptCache(lambda: (), limit=8 * KIB)
    cache.expect("kiln", lost)
    with pytest.raises(RuntimeError):
        _ = cache["kiln"]
    assert "kiln" not in cache
    cache["kiln"] = embeddings()
    assert "kiln" in cache


def test_what_cannot_be_computed_and_nobody_asks_for_is_logged(
    lost: tuple[mx.array, ...], caplog: pytest.LogCaptureFixture
) -> None:
    cache = PromptCache(lambda: (), limit=8 * KIB)
    cache.expect("kiln", lost)
    cache.expect("rain", embeddings())
    assert "came to nothing" in caplog.text
    assert "rain" in cache
