"""Adapters before the gate, through a real daemon whose pictures are a fake's: of one colour each.

Those of `mini` are judged by `make lab-gate`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image
from pydantic import ValidationError

from kilnmark.client.sync import Client
from kilnmark.client.testing import fake_daemon
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.lab.gate.errors import NothingToVerify, NotSigned
from kilnmark.lab.gate.limits import limits_of
from kilnmark.lab.gate.of_run import asked_of, placed, sign_run, verify_run
from kilnmark.lab.gate.report import write_report
from kilnmark.lab.gate.signing import read_signature
from kilnmark.lab.gate.verify import ToVerify, verified
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, RunPlan, SweepPlan, VerifyPlan
from kilnmark.lab.run.progress import progress_of
from kilnmark.lab.run.state import Outcome, Verification
from kilnmark.otel import names
from tests.lab.gate.known import report_of
from tests.otel.reading import Metered

LIMITS = limits_of("style")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Client, Path]]:
    with fake_daemon() as daemon, Client(daemon.socket) as client:
        yield client, daemon.loras


def asked(file: Path, **told: Any) -> ToVerify:
    return ToVerify(
        file=file, kind="style", trigger="inkwash", base="standin", numbers={"width": 64, "height": 64}, **told
    )


def test_a_dead_adapter_is_refused_before_anything_is_painted(served: tuple[Client, Path], tmp_path: Path) -> None:
    client, loras = served
    file = make_adapter(loras / "dead.safetensors", dead=True, blocks=1)
    report = verified(client, asked(file), LIMITS, tmp_path).report
    assert (report.outcome, report.pictures) == (Outcome.FAILED, ())
    assert "all" in report.reasons[0]
    assert report.figures.layers == 0


def test_an_adapter_in_unknown_names_is_refused_before_anything_is_painted(
    served: tuple[Client, Path], tmp_path: Path
) -> None:
    client, loras = served
    report = verified(
        client, asked(make_adapter(loras / "odd.safetensors", "unknown", blocks=1)), LIMITS, tmp_path
    ).report
    assert (report.outcome, report.figures.keys, report.pictures) == (Outcome.FAILED, 0, ())


def test_all_pictures_of_an_engaged_one_are_painted_kept_and_hashed(
    served: tuple[Client, Path], tmp_path: Path
) -> None:
    client, loras = served
    file = make_adapter(loras / "ink.safetensors", blocks=1)
    told: list[str] = []
    metered = Metered()
    found = verified(client, asked(file), LIMITS, tmp_path, told.append, progress_of(metered.measures, "gate"))
    assert len(found.report.pictures) == 5 * len(LIMITS.scenes) == len(told)
    assert metered.of(names.LAB_PROGRESS) == [({"kilnmark.lab.part": "gate"}, 1.0)]
    assert told[-1].startswith(f"{len(told)}/{len(told)} with")
    for picture in found.report.pictures:
        with Image.open(tmp_path / picture.file) as image:
            assert image.size == (64, 64)
    assert found.report.outcome is not Outcome.PASSED  # of one colour each
    assert found.report.figures.unlike is not None
    assert found.report.layers


@pytest.mark.parametrize(
    ("trigger", "fires", "said"),
    [
        (
            "inkwash",
            False,
            "whether it needs 'inkwash' was not asked, since a style may be always on (trigger_control ",
        ),
        ("", False, "whether it needs a trigger was not asked: it has none"),
        ("inkwash", True, ""),
    ],
)
def test_a_style_is_not_asked_whether_it_needs_its_trigger_and_that_is_told(
    served: tuple[Client, Path], tmp_path: Path, trigger: str, said: str, *, fires: bool
) -> None:
    client, loras = served
    file = make_adapter(loras / "ink.safetensors", blocks=1)
    one = msgspec.structs.replace(asked(file), trigger=trigger)
    limits = msgspec.structs.replace(limits_of("style", fires=fires), scenes=LIMITS.scenes[:2])
    unasked = verified(client, one, limits, tmp_path).report.unasked
    assert [sentence.startswith(said) for sentence in unasked] == ([True] if said else [])


def test_what_is_asked_twice_has_the_same_pictures(served: tuple[Client, Path], tmp_path: Path) -> None:
    client, loras = served
    file = make_adapter(loras / "ink.safetensors", blocks=1)
    one, two = (verified(client, asked(file), LIMITS, tmp_path / name).report.pictures for name in "ab")
    assert [each.sha256 for each in one] == [each.sha256 for each in two]


def test_a_file_that_is_not_there_is_told(served: tuple[Client, Path], tmp_path: Path) -> None:
    with pytest.raises(NothingToVerify, match="is no file"):
        verified(served[0], asked(tmp_path / "nothing.safetensors"), LIMITS, tmp_path)


def test_nothing_is_painted_where_one_that_it_is_put_beside_is_dead(
    served: tuple[Client, Path], tmp_path: Path
) -> None:
    client, loras = served
    file = make_adapter(loras / "ink.safetensors", blocks=1)
    dead = make_adapter(loras / "dead.safetensors", dead=True, blocks=1)
    with pytest.raises(NothingToVerify, match=r"dead.safetensors, which it is to be put beside, is noop"):
        verified(client, asked(file, others=((str(dead), 1.0),)), LIMITS, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_beside_another_it_is_weighed_and_the_stack_stands_in_the_report(
    served: tuple[Client, Path], tmp_path: Path
) -> None:
    client, loras = served
    file, other = (make_adapter(loras / f"{name}.safetensors", blocks=1, rank=len(name)) for name in ("ink", "wash"))
    report = verified(client, asked(file, others=((str(other), 0.5),)), LIMITS, tmp_path).report
    assert [(one.stack, one.name, one.scale) for one in report.neighbours] == [(0, "ink", 1.0), (0, "wash", 0.5)]
    assert "did not tell" in report.figures.unmeasured["left"]  # a fake weighs nothing


def test_what_has_to_fire_needs_a_trigger(served: tuple[Client, Path], tmp_path: Path) -> None:
    file = make_adapter(served[1] / "ink.safetensors", blocks=1)
    subject = ToVerify(file=file, kind="subject", trigger="", base="standin")
    with pytest.raises(NothingToVerify, match="without a trigger"):
        verified(served[0], subject, limits_of("subject"), tmp_path)


def make_run(folder: Path, root: Path, **verify: Any) -> Path:
    plan = RunPlan(
        name="ink",
        kind="style",
        trigger="inkwash",
        base="standin",
        dataset=DatasetPlan(path="set"),
        sweep=SweepPlan(width=64, height=64, root=str(root)),
        verify=VerifyPlan(scenes=("a mill", "a river"), **verify),
    )
    new_run(folder, plan)
    (folder / "set").mkdir()
    return folder


def test_a_run_keeps_what_the_gate_said_and_nothing_stays_in_the_daemons_root(
    served: tuple[Client, Path], tmp_path: Path
) -> None:
    client, loras = served
    before = sorted(loras.iterdir())
    with open_run(make_run(tmp_path / "run", loras)) as run:
        file = make_adapter(run.checkpoints / "ink-200.safetensors", blocks=1)
        found = verify_run(client, run, asked_of(run, file))
        kept = run.state.verification
        assert kept is not None
        assert (kept.outcome, kept.sha256) == (found.report.outcome, found.report.sha256)
        assert (run.folder / kept.report).is_file()
        assert {picture.prompt for picture in found.report.pictures} >= {"a mill", "inkwash, a river"}
        assert kept.left_open == found.report.left_open
    assert sorted(loras.iterdir()) == before


@pytest.mark.parametrize("scenes", [("a mill",), ("a mill", "a mill")])
def test_one_scene_tells_nothing_and_is_refused_before_anything_is_painted(scenes: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="give two different scenes"):
        VerifyPlan(scenes=scenes)


def test_a_run_that_picked_nothing_needs_a_name(tmp_path: Path) -> None:
    with open_run(make_run(tmp_path / "run", tmp_path)) as run, pytest.raises(NothingToVerify, match="picked no"):
        asked_of(run, None)


def passed(run: Run) -> None:
    path = write_report(run.report / "verify" / "ink", report_of(Outcome.PASSED))
    kept = Verification(
        at="2026-11-28T00:00:00+00:00",
        sha256="ab" * 32,
        outcome=Outcome.PASSED,
        report=run.relative(path),
        report_sha256=_sha256(path),
        thresholds="style 1",
    )
    run.change(verification=kept)


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_is_signed_by_name_and_unasked_only_where_it_allows_that(tmp_path: Path) -> None:
    with open_run(make_run(tmp_path / "run", tmp_path)) as run:
        passed(run)
        with pytest.raises(NotSigned, match="nobody was asked"):
            sign_run(run, "Ada", asked=False)
        assert sign_run(run, "Ada", asked=True).signed_by == "Ada"
    with open_run(make_run(tmp_path / "other", tmp_path, unattended=True)) as run:
        passed(run)
        assert sign_run(run, "Ada", asked=False).signed_by == "Ada"
        signature = read_signature(run.report / "verify" / "ink" / "report.json")
        assert signature is not None
        assert not signature.asked


def test_a_report_that_was_changed_is_not_signed(tmp_path: Path) -> None:
    with open_run(make_run(tmp_path / "run", tmp_path)) as run:
        passed(run)
        report = run.report / "verify" / "ink" / "report.json"
        report.write_bytes(report.read_bytes() + b"\n")
        with pytest.raises(NotSigned, match="was changed"):
            sign_run(run, "Ada", asked=True)
        assert run.state.verification is not None
        assert run.state.verification.signed_by is None


def test_a_config_beside_an_adapter_goes_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "peft"
    folder.mkdir()
    file = make_adapter(folder / "adapter_model.safetensors", blocks=1)
    (folder / "adapter_config.json").write_text("{}")
    (tmp_path / "root").mkdir()
    with placed(file, tmp_path / "root") as copy:
        assert copy.with_name("adapter_config.json").read_text() == "{}"
        assert copy.read_bytes() == file.read_bytes()
    assert list((tmp_path / "root").iterdir()) == []
