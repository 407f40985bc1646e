"""A worker's memory in words: every base with what it costs, and nothing that is not there."""

from msgspec.structs import replace

from kilnmark.client.cli.views.memory import base_rows
from kilnmark.protocol.wire.memory import ColdSize, CompilingInfo, HeldAdapter, HeldBase, Limits, MemoryInfo
from tests.protocol.samples import BASE, STATUS

MIB = 1 << 20


def held(variant: str, *adapters: HeldAdapter) -> HeldBase:
    base = replace(BASE, variant=variant, quantize=8, backend="metal", memory_bytes=300 * MIB, load_ms=1500.0)
    return HeldBase(base=base, declared_bytes=299 * MIB, last_used="noon", adapters=list(adapters))


LIMITS = Limits(
    device_bytes=1000 * MIB,
    base_bytes=800 * MIB,
    memory_bytes=1000 * MIB,
    cache_bytes=200 * MIB,
    wired_bytes=800 * MIB,
)
HOLDING = MemoryInfo(
    limits=LIMITS,
    active_bytes=700 * MIB,
    cached_bytes=50 * MIB,
    bases=[held("dev"), held("schnell", HeldAdapter(name="ink", sha256="ab", scale=0.5))],
)
SERVED = replace(STATUS, variant="dev", variants=["dev", "standin", "schnell"], memory=HOLDING, loading=None)


def test_the_base_that_was_used_last_comes_first_with_what_is_on_it() -> None:
    first, second = (words for name, words in base_rows(SERVED) if name == "base")
    assert first == (
        "schnell (float32, 8 bits on metal, exact), 494 targets, 300 MiB, loaded in 1.5 s, declared 299 MiB, "
        "last used noon, with ink at 0.5"
    )
    assert second.startswith("dev (")


def test_the_budget_and_the_limits_stand_beside_what_is_used() -> None:
    assert dict(base_rows(SERVED))["memory"] == (
        "bases 600 MiB of 800 MiB; in use 700 MiB of 1000 MiB; cached 50 MiB of 200 MiB; wired up to 800 MiB"
    )


def test_the_size_that_is_compiled_for_is_told() -> None:
    what = CompilingInfo(variant="dev", width=1024, height=768, precision="bfloat16", number=2, count=5)
    assert dict(base_rows(replace(SERVED, compiling=what)))["compiling"] == "dev 1024x768 bf16, 2 of 5"
    assert "compiling" not in dict(base_rows(SERVED))


def test_the_memory_of_renders_is_told_once_there_was_one() -> None:
    base = replace(held("dev"), peak_bytes=400 * MIB, highest_peak_bytes=500 * MIB)
    rows = dict(base_rows(replace(SERVED, memory=replace(HOLDING, bases=[base]))))
    assert "at most 400 MiB in use by its last render, 500 MiB by any, last used noon" in rows["base"]


def test_the_folder_of_compiled_kernels_is_told_where_there_is_one() -> None:
    assert "kernels" not in dict(base_rows(SERVED))
    kept = replace(SERVED, memory=replace(HOLDING, kernel_folder="/caches/kernels"))
    assert dict(base_rows(kept))["kernels"] == "/caches/kernels"


def test_a_machine_that_wires_nothing_says_nothing_of_it() -> None:
    status = replace(SERVED, memory=replace(HOLDING, limits=replace(LIMITS, wired_bytes=None)))
    assert "wired" not in dict(base_rows(status))["memory"]


def test_what_is_not_held_can_be_asked_for() -> None:
    assert dict(base_rows(SERVED))["on request"] == "standin"


def test_before_anything_is_held_it_says_what_is_coming() -> None:
    status = replace(SERVED, memory=None, loading="dev")
    assert base_rows(status) == [
        ("base", "dev, not held"),
        ("loading", "dev"),
        ("on request", "dev, standin, schnell"),
    ]


def test_a_size_that_could_not_be_made_warm_is_told_with_its_reason() -> None:
    cold = replace(held("dev"), cold=[ColdSize(width=1024, height=768, reason="there is no more memory")])
    rows = base_rows(replace(SERVED, memory=replace(HOLDING, bases=[cold])))
    assert dict(rows)["not warm"] == "dev 1024x768: there is no more memory"
    assert "not warm" not in dict(base_rows(SERVED))
