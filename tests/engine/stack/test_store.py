"""The adapter store: what is on disk now, read once, and no more held than the budget allows."""

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.errors import MissingFile, UnfitAdapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from tests.engine.opened import files_opened

DEV = load_shapes("dev")


def later() -> int:
    """The stamps of files just made look old."""
    return time.time_ns() + 10_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return make_adapter(tmp_path / "ink.safetensors", rank=1, blocks=1)


def store_of(folder: Path, limit: int = 1 << 30) -> AdapterStore:
    return AdapterStore([folder], limit, clock=later)


def test_the_same_bytes_beside_another_config_are_another_adapter(file: Path) -> None:
    store = store_of(file.parent)
    file = file.rename(file.with_name("adapter_model.safetensors"))
    config = file.with_name("adapter_config.json")
    held = [store.get(str(file), DEV)]
    for alpha in (2, 3):
        config.write_text(f'{{"r": 1, "lora_alpha": {alpha}}}')
        held.append(store.get(str(file), DEV))
    assert store.get(str(file), DEV) is held[-1]
    assert (len({adapter.sha256 for adapter in held}), store.reads, len(store)) == (3, 3, 3)
    norms = [[update.norm or 0.0 for update in adapter.updates] for adapter in held]
    assert norms[1] == pytest.approx([2 * norm for norm in norms[0]])


def test_what_a_name_makes_of_the_same_bytes_is_not_held_for_another_name(tmp_path: Path) -> None:
    """A config of another rank holds for PEFT's own name alone, and a part is no whole file."""
    names = {"peft": "adapter_model.safetensors", "mine": "ink.safetensors", "part": "ink-00001-of-00002.safetensors"}
    for folder, name in names.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 3}')
        make_adapter(tmp_path / folder / name, rank=1, blocks=1)
    store = store_of(tmp_path)
    for _ in range(2):
        peft, mine, part = (store.get(f"{folder}/{name}", DEV) for folder, name in names.items())
        held = [peft.updates[0].norm or 0.0, mine.updates[0].norm or 0.0]
        assert held[0] == pytest.approx(3 * held[1])
        assert (peft.belied, mine.belied, "part 1 of 2" in part.belied) == ("", "", True)
    assert len({each.sha256 for each in (peft, mine, part)}) == 3


def test_a_file_that_was_read_is_not_opened_again(file: Path) -> None:
    store = store_of(file.parent)
    first = store.get(str(file), DEV)
    with files_opened() as opened:
        again = store.get(str(file), DEV)
    assert again is first
    assert not [path for path in opened if path.endswith(".safetensors")]
    assert store.reads == 1


def test_the_audit_sees_what_is_opened(file: Path) -> None:
    with files_opened() as opened:
        store_of(file.parent).get(str(file), DEV)
    assert [Path(path).name for path in opened].count(file.name) == 1


def test_other_bytes_at_the_same_path_are_another_adapter(file: Path) -> None:
    store = store_of(file.parent)
    before = store.get(str(file), DEV)
    make_adapter(file, rank=1, blocks=1, seed=9)
    after = store.get(str(file), DEV)
    assert before.sha256 != after.sha256
    assert store.reads == 2


def test_bytes_changed_in_place_with_their_old_time_are_another_adapter(file: Path) -> None:
    store = store_of(file.parent)
    before, stamps = store.get(str(file), DEV), file.stat()
    with file.open("r+b") as opened:
        opened.seek(-4, os.SEEK_END)
        opened.write(np.float32(0.25).tobytes())
    os.utime(file, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    assert store.get(str(file), DEV).sha256 != before.sha256


def test_stamps_as_young_as_the_clocks_tick_are_not_trusted(file: Path) -> None:
    store = AdapterStore([file.parent], clock=lambda: file.stat().st_ctime_ns)
    store.get(str(file), DEV)
    store.get(str(file), DEV)
    assert store.reads == 2


def test_the_same_bytes_elsewhere_are_held_once_under_either_name(file: Path) -> None:
    store = store_of(file.parent)
    copy = shutil.copy(file, file.with_name("copy.safetensors"))
    first, second = store.get(str(file), DEV), store.get(str(copy), DEV)
    assert (first.name, second.name) == ("ink", "copy")
    assert first.sha256 == second.sha256
    assert len(store) == 1


def test_one_file_is_another_adapter_for_another_model(file: Path) -> None:
    store = store_of(file.parent)
    for_dev = store.get(str(file), DEV)
    small = {path: shape for path, shape in DEV.items() if not path.startswith("single")}
    for_small = store.get(str(file), small)
    assert for_dev.target_count > for_small.target_count
    assert store.get(str(file), DEV) is for_dev
    assert store.reads == 2


def test_what_is_refused_is_not_remembered(file: Path) -> None:
    store = store_of(file.parent)
    bad = write_tensors(
        file.with_name("bad.safetensors"),
        {f"lora_unet_img_in.lora_{end}.weight": np.ones((1, 1), "f4") for end in ("up", "down")},
    )
    for _ in range(2):
        with pytest.raises(UnfitAdapter):
            store.get(str(bad), DEV)
    make_adapter(bad, rank=1, blocks=1)
    assert store.get(str(bad), DEV).target_count
    bad.unlink()
    with pytest.raises(MissingFile):
        store.get(str(bad), DEV)


def test_the_least_recently_used_leaves_when_the_budget_is_spent(tmp_path: Path) -> None:
    files = [make_adapter(tmp_path / f"{n}.safetensors", rank=1, blocks=1, seed=n) for n in range(4)]
    one = store_of(tmp_path)
    one.get(str(files[0]), DEV)
    store = store_of(tmp_path, limit=2 * one.nbytes)
    for file in files[:2]:
        store.get(str(file), DEV)
    store.get(str(files[0]), DEV)
    store.get(str(files[2]), DEV)
    assert (len(store), store.nbytes, store.reads) == (2, 2 * one.nbytes, 3)
    store.get(str(files[0]), DEV)
    assert store.reads == 3
    store.get(str(files[1]), DEV)
    assert store.reads == 4


def test_what_is_pinned_stays_beyond_the_budget_until_it_is_not(tmp_path: Path) -> None:
    files = [make_adapter(tmp_path / f"{n}.safetensors", rank=1, blocks=1, seed=n) for n in range(3)]
    store = store_of(tmp_path, limit=1)
    first = store.get(str(files[0]), DEV)
    with store.pinned([first]):
        store.get(str(files[1]), DEV)
        store.get(str(files[2]), DEV)
        assert len(store) == 2
    assert len(store) == 1
    assert store.get(str(files[0]), DEV) is not first


def test_threads_that_want_the_same_file_read_it_once(file: Path) -> None:
    store = store_of(file.parent)
    ready = threading.Barrier(4)

    def wanted() -> object:
        ready.wait(60)
        return store.get(str(file), DEV)

    with ThreadPoolExecutor(4) as threads:
        found = [future.result(30) for future in [threads.submit(wanted) for _ in range(4)]]
    assert all(each is found[0] for each in found)
    assert store.reads == 1


def test_memory_is_counted_by_buffer(tmp_path: Path) -> None:
    shared = make_adapter(tmp_path / "k.safetensors", "kohya", rank=1, blocks=1)
    store = store_of(tmp_path)
    store.get(str(shared), DEV)
    assert 0 <= shared.stat().st_size - store.nbytes < 20_000
