"""The results that are kept: their bytes, their order, and what is forgotten."""

from kilnmark.daemon.pictures.kept import KeptPicture, KeptPictures
from kilnmark.protocol.wire.replies import RenderResult, StackInfo, Timings
from kilnmark.protocol.wire.status import CacheInfo

RESULT = RenderResult(
    job_id="j",
    image_path="/o/j.png",
    width=64,
    height=64,
    seed=1,
    steps=1,
    guidance=3.5,
    variant="standin",
    prompt="p",
    timings=Timings(),
    loras=[],
    stack=StackInfo(source="none"),
)


def of(size: int) -> KeptPicture:
    return KeptPicture(RESULT, size=size, mtime_ns=0)


def cache_of(limit: int, *keys: str, size: int = 10) -> KeptPictures:
    cache = KeptPictures(limit)
    for key in keys:
        cache.put(key, of(size))
    return cache


def known(cache: KeptPictures, keys: str) -> str:
    return "".join(key for key in keys if cache.get(key) is not None)


def test_what_was_put_is_there_until_it_is_dropped() -> None:
    cache = cache_of(100, "a", "b")
    cache.drop("a")
    cache.drop("never")
    assert known(cache, "ab") == "b"
    assert cache.info == CacheInfo(entries=1, bytes=10, limit_bytes=100)


def test_beyond_the_limit_the_longest_unused_is_forgotten() -> None:
    cache = cache_of(30, *"abc")
    cache.get("a")
    cache.put("d", of(10))
    assert known(cache, "abcd") == "acd"
    cache.put("e", of(20))
    assert known(cache, "acde") == "de"


def test_beyond_the_number_of_entries_the_longest_unused_is_forgotten() -> None:
    cache = KeptPictures(100, limit_entries=2)
    for key in "abc":
        cache.put(key, of(1))
    assert known(cache, "abc") == "bc"


def test_a_key_that_is_put_again_counts_once() -> None:
    cache = cache_of(30, *"aab", size=15)
    assert cache.info.bytes == 30
    assert known(cache, "ab") == "ab"


def test_one_that_is_larger_than_the_limit_costs_no_other_its_place() -> None:
    cache = cache_of(30, *"ab")
    cache.put("c", of(31))
    assert known(cache, "abc") == "ab"
