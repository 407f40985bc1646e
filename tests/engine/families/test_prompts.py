"""The prompt cache: bounded in bytes, least recently used first out, evaluated on the way in."""

import mlx.core as mx

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
