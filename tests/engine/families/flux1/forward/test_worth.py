"""Whether blocks are worth compiling: measured in turns, within a budget, and not on a CPU."""

from collections.abc import Callable

import pytest

from kilnmark.engine.families.flux1.forward import worth
from kilnmark.engine.families.flux1.forward.blocks import Heads
from kilnmark.engine.families.flux1.forward.transformer import FastTransformer
from kilnmark.engine.families.flux1.forward.worth import BUDGET_S, ROUNDS, is_worth_compiling, times_quicker
from tests.engine.arrays import PRECISION
from tests.engine.small_flux import SMALL, small_flux

from mflux.models.flux.model.flux_transformer.transformer import Transformer  # isort: skip - after the engine


class Watch:
    """A clock that passes what takes time move on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.passes = 0

    def __call__(self) -> float:
        return self.now

    def taking(self, *seconds: float) -> Callable[[], None]:
        """What takes these times, one after the other, and then the last again and again."""
        left = list(seconds)

        def taken() -> None:
            self.passes += 1
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return taken


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    return small_flux(dtype=PRECISION)


def test_the_first_pass_of_each_counts_for_nothing_and_the_best_of_the_others_is_taken() -> None:
    watch = Watch()
    quicker = times_quicker(watch.taking(9.0, 0.03, 0.02, 0.04), watch.taking(30.0, 0.05, 0.01), clock=watch)
    assert quicker == pytest.approx(2.0)
    assert watch.passes == 2 + 2 * ROUNDS


def test_it_ends_with_the_round_in_which_the_budget_does() -> None:
    watch = Watch()
    times_quicker(watch.taking(0.0, 0.3), watch.taking(0.0, 0.3), clock=watch)
    assert BUDGET_S <= watch.now <= BUDGET_S + 0.6
    assert watch.passes == 2 + 2 * 2


@pytest.mark.parametrize(("gain", "worth_it"), [(1.5, True), (1.01, False), (0.8, False)])
def test_only_what_is_quicker_by_more_than_noise_is_compiled(
    transformer: Transformer, monkeypatch: pytest.MonkeyPatch, *, gain: float, worth_it: bool
) -> None:
    monkeypatch.setattr(worth, "backend", lambda: "metal")
    monkeypatch.setattr(worth, "measured_gain", lambda *_: gain)
    assert FastTransformer(transformer, PRECISION, "auto").compiled is worth_it


def test_where_no_kernel_can_be_made_blocks_are_not_compiled_and_it_is_said(
    transformer: Transformer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> float:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(worth, "backend", lambda: "cuda")
    monkeypatch.setattr(worth, "measured_gain", fails)
    assert not is_worth_compiling(transformer, Heads(SMALL.heads, PRECISION))
    assert "could not be: no compiler" in caplog.text


def test_on_a_cpu_nothing_is_measured(transformer: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "backend", lambda: "cpu")
    monkeypatch.setattr(worth, "measured_gain", lambda *_: pytest.fail("measured"))
    assert not FastTransformer(transformer, PRECISION, "auto").compiled


@pytest.mark.parametrize(("asked", "compiled"), [("on", True), ("off", False)])
def test_what_is_asked_for_is_done_unmeasured(transformer: Transformer, *, asked: str, compiled: bool) -> None:
    assert FastTransformer(transformer, PRECISION, asked).compiled is compiled  # type: ignore[arg-type]


def test_a_block_of_a_real_transformer_is_measured(transformer: Transformer) -> None:
    assert 0.01 < worth.measured_gain(transformer, Heads(SMALL.heads, PRECISION)) < 100
