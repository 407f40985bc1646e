"""Adapters to evidence, verdict and report."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.engagement import describe, describe_refusal, evidence
from kilnmark.keymaps.errors import UnsafeFile
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import ConventionName, make_adapter, write_tensors
from kilnmark.protocol.picture.evidence import Evidence
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.verdict import judge

DEV = load_shapes("dev")


def small(folder: Path, convention: ConventionName = "kohya", *, dead: bool = False) -> Adapter:
    return read_adapter(make_adapter(folder / "a.safetensors", convention, rank=1, blocks=1, dead=dead), DEV)


def reported(
    adapter: Adapter,
    scale: float = 1.0,
    *,
    name: str | None = None,
    vanished: Collection[str] = (),
    delta_ratio: float | None = None,
) -> AdapterReport:
    found = evidence(adapter, scale, vanished=vanished, delta_ratio=delta_ratio)
    return describe(adapter, found, judge(found), name=name)


@pytest.mark.parametrize("convention", ["kohya", "diffusers"])
def test_a_healthy_adapter_is_engaged(tmp_path: Path, convention: ConventionName) -> None:
    assert judge(evidence(small(tmp_path, convention), 1.0)).verdict is Verdict.ENGAGED


def test_a_dead_adapter_is_a_noop_and_named_so(tmp_path: Path) -> None:
    adapter = small(tmp_path, dead=True)
    found = evidence(adapter, 1.0)
    assert found.zero_target_count == found.target_count == adapter.target_count
    judged = judge(found)
    assert judged.verdict is Verdict.NOOP
    assert "exactly zero" in judged.reason


def test_unknown_names_are_a_noop_that_names_the_first_key(tmp_path: Path) -> None:
    judged = judge(evidence(small(tmp_path, "unknown"), 1.0))
    assert judged.verdict is Verdict.NOOP
    assert "velvet.0000.matrix" in judged.reason


def test_a_scale_of_zero_is_a_noop(tmp_path: Path) -> None:
    assert judge(evidence(small(tmp_path), 0.0)).verdict is Verdict.NOOP


def test_one_vanished_update_is_partial_and_named(tmp_path: Path) -> None:
    adapter = small(tmp_path)
    judged = judge(evidence(adapter, 1.0, vanished={adapter.updates[3].target}))
    assert judged.verdict is Verdict.PARTIAL
    assert adapter.updates[3].target in judged.reason


def test_all_updates_vanished_is_a_noop(tmp_path: Path) -> None:
    adapter = small(tmp_path)
    found = evidence(adapter, 1e-30, vanished={update.target for update in adapter.updates})
    assert judge(found).verdict is Verdict.NOOP


def test_a_zero_update_is_not_counted_as_vanished_again(tmp_path: Path) -> None:
    adapter = small(tmp_path, dead=True)
    assert evidence(adapter, 1.0, vanished={adapter.updates[0].target}).vanished_target_count == 0


def test_the_report_carries_the_identity_and_the_counts(tmp_path: Path) -> None:
    adapter = small(tmp_path)
    report = reported(adapter, 0.8, delta_ratio=0.01)
    assert (report.name, report.path, report.sha256) == ("a", str(tmp_path / "a.safetensors"), adapter.sha256)
    assert (report.scale, report.convention, report.kind, report.rank) == (0.8, "kohya", "lora", 1)
    assert (report.total_key_count, report.matched_key_count) == (39, 39)
    assert (report.target_count, report.applied_target_count, report.delta_ratio) == (20, 20, 0.01)


def test_the_report_names_twenty_unmatched_keys_and_counts_all(tmp_path: Path) -> None:
    report = reported(small(tmp_path, "unknown"))
    assert report.unmatched_keys.count == 40
    assert report.unmatched_keys.first == tuple(f"velvet.{n:04d}.matrix" for n in range(20))


def test_a_style_may_name_the_adapter_and_the_engine_may_count_what_it_changed(tmp_path: Path) -> None:
    adapter = small(tmp_path)
    report = reported(adapter, name="ink", vanished={update.target for update in adapter.updates[7:]})
    assert (report.name, report.applied_target_count, report.target_count) == ("ink", 7, 20)
    assert report.verdict is Verdict.PARTIAL


def test_a_refusal_is_reported_with_its_sentence() -> None:
    error = UnsafeFile("/loras/a.ckpt", "is a pickle", "export it as safetensors")
    report = describe_refusal("ink", "a.ckpt", Evidence(refusal=str(error), scale=0.5))
    assert (report.name, report.path, report.scale, report.verdict) == ("ink", "a.ckpt", 0.5, Verdict.REFUSED)
    assert report.reason == str(error)


def test_a_name_as_long_as_a_page_is_cut_in_the_sentence_and_whole_in_the_report(tmp_path: Path) -> None:
    key = "velvet." * 140 + "matrix"
    report = reported(read_adapter(write_tensors(tmp_path / "a.safetensors", {key: np.ones(1, np.float32)}), DEV))
    assert report.unmatched_keys.first == (key,)
    assert f"first '{key[:120]}...'" in report.reason
    assert len(report.reason) < 600
