"""Reading ahead: what a waiting render needs is in the store before its turn, and what is bad harms nobody."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kilnmark.engine.run.prefetch import Prefetcher
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.wire.work import Prefetch

DEV = load_shapes("dev")
READ_WITHIN_S = 20.0


def wait_for(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + READ_WITHIN_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore([tmp_path], clock=lambda: time.time_ns() + 10_000_000_000)


@pytest.fixture
def prefetcher(store: AdapterStore) -> Prefetcher:
    one = Prefetcher(store, {"dev": DEV}.get)
    one.start()
    return one


def test_the_render_finds_in_the_store_what_was_read_ahead(
    store: AdapterStore, prefetcher: Prefetcher, tmp_path: Path
) -> None:
    file = make_adapter(tmp_path / "ink.safetensors", rank=1, blocks=1)
    prefetcher.fetch(Prefetch(variant="dev", lora_paths=[str(file)]))
    wait_for(lambda: len(store) == 1)
    store.get(str(file), DEV)
    assert store.reads == 1


def test_an_absent_and_a_refused_file_do_not_end_the_reading_ahead(
    store: AdapterStore, prefetcher: Prefetcher, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no adapter")
    file = make_adapter(tmp_path / "ink.safetensors", rank=1, blocks=1)
    paths = [str(tmp_path / "absent.safetensors"), str(broken), str(file)]
    prefetcher.fetch(Prefetch(variant="dev", lora_paths=paths))
    wait_for(lambda: len(store) == 1)


def test_nothing_is_read_for_a_base_that_is_not_held(
    store: AdapterStore, prefetcher: Prefetcher, tmp_path: Path
) -> None:
    files = [str(make_adapter(tmp_path / f"{name}.safetensors", rank=1, blocks=1)) for name in ("ink", "gold")]
    prefetcher.fetch(Prefetch(variant="schnell", lora_paths=[files[0]]))
    prefetcher.fetch(Prefetch(variant="dev", lora_paths=[files[1]]))
    wait_for(lambda: len(store) == 1)
    assert store.reads == 1
    store.get(files[1], DEV)
    assert store.reads == 1
