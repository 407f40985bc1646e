"""Adapters that were trained elsewhere: taken as copies with their numbers, or refused, and then none is taken."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, RunPlan
from kilnmark.lab.training.errors import ImportRefused
from kilnmark.lab.training.imports import import_adapters
from tests.lab.faults.benches import ADAPTER, EARLIER
from tests.lab.training.conftest import spoil
from tests.lab.training.test_archives import tarred, zipped


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Path:
    plan = RunPlan(name="ink", kind="style", base="mini", dataset=DatasetPlan(path="../set"))
    new_run(tmp_path / "run", plan)
    return tmp_path / "run"


def steps(run: Path) -> dict[int, bytes]:
    state = read_state(run)
    return {one.step: (run / one.file).read_bytes() for one in state.checkpoints} if state else {}


def test_a_file_is_copied_inspected_and_recorded(run: Path, tmp_path: Path) -> None:
    source = tmp_path / "ink-step00000500.safetensors"
    shutil.copy(ADAPTER, source)
    (taken,) = import_adapters(run, [source])
    source.unlink()
    assert (taken.step, taken.origin, taken.verdict) == (500, source.name, "engaged")
    assert (taken.matched_key_count, taken.total_key_count) == (60, 60)
    assert steps(run) == {500: ADAPTER.read_bytes()}


def test_what_has_no_number_is_numbered_in_order(run: Path) -> None:
    import_adapters(run, [EARLIER, ADAPTER])
    assert steps(run) == {1: EARLIER.read_bytes(), 2: ADAPTER.read_bytes()}


def test_the_same_file_again_changes_nothing(run: Path) -> None:
    first = import_adapters(run, [EARLIER, ADAPTER])
    assert import_adapters(run, [ADAPTER]) == first[1:]
    assert len(steps(run)) == 2


def test_a_person_gives_the_numbers(run: Path) -> None:
    import_adapters(run, [EARLIER, ADAPTER], first_step=600)
    assert sorted(steps(run)) == [600, 601]


def test_two_of_one_number_are_refused(run: Path) -> None:
    import_adapters(run, [EARLIER], first_step=7)
    with pytest.raises(ImportRefused, match=r"has its number, 7.*--step"):
        import_adapters(run, [ADAPTER], first_step=7)
    assert steps(run) == {7: EARLIER.read_bytes()}


def test_archives_are_opened(run: Path, tmp_path: Path) -> None:
    import_adapters(run, [zipped(tmp_path / "0000200_checkpoint.zip"), tarred(tmp_path / "trained_model.tar")])
    assert sorted(steps(run)) == [200, 201]


def test_a_dead_one_is_refused_and_none_is_taken(run: Path, tmp_path: Path) -> None:
    dead = tmp_path / "dead.safetensors"
    shutil.copy(ADAPTER, dead)
    spoil(dead)
    with pytest.raises(ImportRefused, match=r"dead\.safetensors is noop: .*; it does not become a checkpoint"):
        import_adapters(run, [EARLIER, dead])
    assert steps(run) == {}


def test_one_for_another_model_is_refused(run: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
    shapes = {"lora_down": (4, 320), "lora_up": (320, 4)}
    save_file({f"{layer}.{part}.weight": np.ones(shape, np.float32) for part, shape in shapes.items()}, foreign)
    with pytest.raises(ImportRefused, match=r"foreign\.safetensors is \w+: .*does not become a checkpoint"):
        import_adapters(run, [foreign])


@pytest.mark.parametrize("content", [b"", b"no adapter at all", b"\x10" + 99 * b"\0"])
def test_what_is_no_adapter_is_refused(run: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ImportRefused, match="not whole"):
        import_adapters(run, [path])


def test_what_is_not_there_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="no such file"):
        import_adapters(run, [tmp_path / "none.safetensors"])
