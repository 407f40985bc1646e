"""Figures from pictures whose truth is known by how they were drawn, and from reports."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from kilnmark.lab.gate.figures import GateFigures
from kilnmark.lab.gate.measuring import of_dataset, of_neighbours, of_pictures
from kilnmark.lab.gate.neighbours import WeighedStack
from kilnmark.lab.gate.painting import GatePicture, Shot, Shown
from kilnmark.lab.measures.measure import Picture
from kilnmark.protocol.picture.beside import LayersBeside
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from tests.lab.measures.scenes import hatched, scene

Pictures = dict[tuple[Shown, int], GatePicture]
Painted = Callable[[Shown, int], Picture]
REPORT = AdapterReport(
    name="ink", path="/ink", verdict=Verdict.ENGAGED, reason="", target_count=4, applied_target_count=4, delta_ratio=0.2
)


def plain(_: Shown, number: int) -> Picture:
    return scene(number, 64)


def called(shown: Shown, number: int) -> Picture:
    return hatched(scene(number, 64)) if shown is Shown.TRIGGER else scene(number, 64)


def always(shown: Shown, number: int) -> Picture:
    return hatched(scene(number, 64)) if shown.has_adapter else scene(number, 64)


def wreckage(shown: Shown, number: int) -> Picture:
    if not shown.has_adapter:
        return scene(number, 64)
    return np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[[Painted], Pictures]:
    def painted(paint: Painted) -> Pictures:
        return dict(_painted(tmp_path, paint))

    return painted


def _painted(folder: Path, paint: Painted) -> Iterator[tuple[tuple[Shown, int], GatePicture]]:
    for shown in Shown:
        for number in range(3):
            shot = Shot(shown, number, "", 1)
            pixels = paint(shown, number).copy()
            pixels[0, : 4 + 8 * list(Shown).index(shown)] = 0  # as any other word changes any picture a little
            Image.fromarray(pixels).save(folder / shot.file)
            reports = (REPORT,) if shown.has_adapter else ()
            yield (shown, number), GatePicture(shot, folder / shot.file, "", reports)


def test_what_fires_on_its_trigger_alone_is_told_from_what_is_always_on(
    pictures: Callable[[Painted], Pictures],
) -> None:
    found = {paint: of_pictures(GateFigures(), pictures(paint)) for paint in (called, always)}
    fires, on = found[called], found[always]
    assert fires.fires is not None
    assert on.fires is not None
    assert fires.fires > 3
    assert on.fires < 1.5
    assert fires.unlike == pytest.approx(on.unlike)


def test_an_adapter_without_a_trigger_is_measured_by_what_it_does_anyway(
    pictures: Callable[[Painted], Pictures],
) -> None:
    some = {key: one for key, one in pictures(always).items() if key[0] in {Shown.CONTROL, Shown.BARE_CONTROL}}
    found = of_pictures(GateFigures(), some)
    assert found.unlike is not None
    assert found.unlike < 0.9
    assert (found.fires, "always on" in found.unmeasured["fires"]) == (None, True)


def test_wreckage_keeps_nothing_of_its_prompts(pictures: Callable[[Painted], Pictures]) -> None:
    figures = [of_pictures(GateFigures(), pictures(paint)).kept for paint in (always, wreckage)]
    assert figures[0] is not None
    assert figures[1] is not None
    assert figures[0] > 0.3
    assert figures[1] < 0.1


def test_noise_is_strange_where_the_dataset_is_known_and_only_a_collapse_is_where_it_is_not(
    pictures: Callable[[Painted], Pictures], tmp_path: Path
) -> None:
    def grey(shown: Shown, number: int) -> Picture:
        return np.full((64, 64, 3), 99, np.uint8) if shown.has_adapter else plain(shown, number)

    def strange(paint: Painted, trained: list[Path] | None) -> float | None:
        return of_dataset(GateFigures(), pictures(paint), trained, "nobody knows").strange

    plain_set, hatched_set = (
        [tmp_path / f"{name}{number}.png" for number in range(4)] for name in ("plain", "hatched")
    )
    for number in range(4):
        Image.fromarray(scene(100 + number, 64)).save(plain_set[number])
        Image.fromarray(hatched(scene(100 + number, 64))).save(hatched_set[number])
    assert [strange(paint, plain_set) for paint in (wreckage, grey, plain)] == [1, 1, 0]
    assert strange(always, hatched_set) == 0
    assert [strange(paint, None) for paint in (wreckage, grey, always, plain)] == [0, 1, 0, 0]


def test_a_dataset_tells_the_way_to_it_and_what_was_learnt_by_heart(
    pictures: Callable[[Painted], Pictures], tmp_path: Path
) -> None:
    trained = []
    for number in range(12):
        trained.append(tmp_path / f"trained{number}.png")
        Image.fromarray(hatched(scene(100 + number, 64))).save(trained[-1])
    learnt = of_dataset(GateFigures(), pictures(always), trained, "")
    nothing = of_dataset(GateFigures(), pictures(plain), trained, "")
    by_heart = of_dataset(
        GateFigures(),
        pictures(lambda shown, _: hatched(scene(100, 64)) if shown.has_adapter else plain(shown, _)),
        trained,
        "",
    )
    assert learnt.towards is not None
    assert nothing.towards is not None
    assert learnt.towards > 0.5
    assert nothing.towards < 0.2
    assert by_heart.memorised is not None
    assert learnt.memorised is not None
    assert by_heart.memorised < 0.6 < learnt.memorised


def test_without_a_dataset_it_is_said_that_nobody_knows(pictures: Callable[[Painted], Pictures]) -> None:
    found = of_dataset(GateFigures(), pictures(always), None, "no dataset is known")
    assert (found.towards, found.unmeasured["towards"]) == (None, "no dataset is known")


def weighed(name: str, left: float | None, verdict: Verdict = Verdict.ENGAGED, **more: Any) -> AdapterReport:
    return AdapterReport(name=name, path=f"/{name}", verdict=verdict, reason="", effective_share=left, **more)


def stack(own: AdapterReport, others: list[AdapterReport], without: list[AdapterReport]) -> WeighedStack:
    return WeighedStack(own=own, others=tuple(others), without=tuple(without))


def test_of_neighbours_the_worst_counts() -> None:
    other = weighed("other", 0.2, group_shares={"attention": 0.1})
    shares, undone = {"attention": 0.9, "mlp": 1.0}, LayersBeside(count=2)
    own = weighed("ink", 1.1, group_shares=shares, undone_targets=undone)
    found = of_neighbours(GateFigures(), [stack(own, [other], [weighed("other", 1.0)])])
    assert found.left == pytest.approx(0.2)
    assert (found.paints, found.undone) == (0.9, 2)


def test_what_others_take_from_each_other_without_it_is_not_its_doing() -> None:
    shares, undone = {"mlp": 0.999}, LayersBeside(count=3)
    others = [weighed("loud", 0.15, group_shares=shares, undone_targets=undone), weighed("faint", 0.1)]
    others[1] = msgspec.structs.replace(others[1], group_shares={"mlp": 0.001})
    without = [weighed("loud", 0.2), weighed("faint", 0.1)]
    found = of_neighbours(GateFigures(), [stack(weighed("ink", 0.97, group_shares={"attention": 1}), others, without)])
    assert found.left == pytest.approx(0.95)
    assert (found.paints, found.undone) == (None, 0)


def test_another_that_it_cancels_has_nothing_left_and_one_that_nobody_weighed_is_not_judged() -> None:
    cancelled, before = weighed("other", None, Verdict.NOOP), weighed("other", 1.0)
    assert of_neighbours(GateFigures(), [stack(weighed("ink", 1.0), [cancelled], [before])]).left == 0
    unknown = of_neighbours(GateFigures(), [stack(weighed("ink", None), [before], [before])])
    assert (unknown.left, "did not tell" in unknown.unmeasured["left"]) == (None, True)


def test_alone_nothing_is_told_of_neighbours() -> None:
    found = of_neighbours(GateFigures(), [])
    assert (found.left, "beside others" in found.unmeasured["left"]) == (None, True)
