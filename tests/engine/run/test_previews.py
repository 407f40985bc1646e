"""Previews of a render: what is told, that no pixel of the picture is another for it, and where there are none."""

import io
import logging
from pathlib import Path
from types import SimpleNamespace

import mlx.core as mx
import numpy as np
import pytest
from opentelemetry.trace import NoOpTracer
from PIL import Image

from kilnmark.engine.families.base import Base
from kilnmark.engine.run.colour_map import ColourMap
from kilnmark.engine.run.previews import SHARE, Previews
from kilnmark.engine.run.render import Renderer
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.store import AdapterStore
from kilnmark.protocol.wire.asides import Previewed
from tests.engine.commands import PLAIN


class Ticking:
    """A clock that goes on by a second each time it is looked at."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def painted(base: Base, previews: Previews | None) -> np.ndarray:
    renderer = Renderer(
        base, store=AdapterStore([Path()]), tracer=NoOpTracer(), tell=lambda _: None, is_cancelled=lambda _: False
    )
    renderer.previews = previews
    outcome = renderer.render(PLAIN)
    assert isinstance(outcome, Painting)
    return np.asarray(outcome.image)


def test_every_step_is_shown_and_the_picture_stays_what_it_is(base: Base) -> None:
    told: list[Previewed] = []
    shown = painted(base, Previews(base, told.append, lambda: True, lambda: 0.0))
    assert (shown == painted(base, None)).all()
    assert (shown == painted(base, Previews(base, told.append, lambda: False))).all()
    assert [(each.job_id, each.step, each.steps) for each in told] == [("one", 1, 2), ("one", 2, 2)]
    pictures = [Image.open(io.BytesIO(each.jpeg)) for each in told]
    assert {(picture.format, picture.size) for picture in pictures} == {("JPEG", (128, 64))}


def test_they_take_a_hundredth_of_the_time_at_most(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ColourMap, "picture", lambda *_: Image.new("RGB", (8, 4)))
    monkeypatch.setattr(ColourMap, "fitted", lambda model: ColourMap(model, np.zeros((2, 3))))
    told: list[Previewed] = []
    clock = Ticking()
    previews = Previews(base, told.append, lambda: True, clock)
    assert previews.is_due
    previews.show(PLAIN, 1, mx.zeros((1, 8, 64)))
    assert not previews.is_due
    clock.now += 1 / SHARE
    assert previews.is_due


def test_a_preview_that_cannot_be_made_ends_no_render_and_is_told_once(
    base: Base, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(ColourMap, "fitted", broken)
    previews = Previews(base, lambda _: None, lambda: True)
    painted(base, previews)
    assert not previews.is_due
    assert [record.getMessage() for record in caplog.records] == ["no previews of standin: one could not be made"]


def test_a_base_that_sees_nothing_has_none_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told: list[Previewed] = []
    blind = SimpleNamespace(model=object(), info=SimpleNamespace(variant="flux3-klein"))
    previews = Previews(blind, told.append, lambda: True)  # type: ignore[arg-type]
    for step in (1, 2):
        if previews.is_due:
            previews.show(PLAIN, step, mx.zeros((1, 8, 64)))
    assert told == []
    assert caplog.messages == ["no previews of flux3-klein: it holds nothing that encodes pictures"]
