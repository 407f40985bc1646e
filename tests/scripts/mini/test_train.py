"""The stages: a training that was stopped is the one that was not, and what it cost is told."""

import os
import signal
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.config import Config
from mflux.models.common.config.model_config import ModelConfig
from mlx import nn
from mlx.optimizers import AdamW

from scripts.mini.draw.words import STYLES, is_held_out
from scripts.mini.ledger import Ledger
from scripts.mini.lessons import CAPTIONS, WORDS, captions, weights_of
from scripts.mini.model.parts import build
from scripts.mini.model.pictures import there_and_back
from scripts.mini.painter import sigmas
from scripts.mini.pool import LABELS, PoolSpec, drawings, motifs
from scripts.mini.sizes import Sizes
from scripts.mini.train.loop import Stopped, Training


def training(folder: Path, *, steps: int = 6, stop_at: int | None = None) -> Training:
    """A line through points of chance; at one step somebody asks this process to end, where one is given."""
    folder.mkdir(exist_ok=True)
    mx.random.seed(1)

    def batch(step: int) -> tuple[mx.array, ...]:
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        random = np.random.default_rng([1, step])
        return mx.array(random.random((8, 2))), mx.array(random.random((8, 1)))

    def loss(model: nn.Linear, x: mx.array, y: mx.array) -> tuple[mx.array, dict[str, mx.array]]:
        lost = mx.square(model(x) - y).mean()
        return lost, {"lost": lost}

    ledger = Ledger(folder / "spent.json")
    return Training("line", steps, nn.Linear(2, 1), AdamW(0.1), batch, loss, folder, ledger, average=0.9)


def weights(made: Training) -> list[float]:
    made.finish()
    return [*made.model.weight[0].tolist(), *made.model.bias.tolist()]


def test_a_training_that_was_stopped_ends_where_the_other_does(tmp_path: Path) -> None:
    whole = training(tmp_path / "whole")
    whole.run()
    training(tmp_path / "parts").run(until=2)
    training(tmp_path / "parts").run(until=5)
    rest = training(tmp_path / "parts")
    rest.run()
    assert rest.step == 6
    assert weights(rest) == pytest.approx(weights(whole), abs=1e-6)


def test_whoever_ends_the_process_loses_no_step(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopped = training(tmp_path / "stopped", stop_at=3)
    with pytest.raises(Stopped, match="line: stopped after step 4 of 6"):
        stopped.run()
    assert signal.getsignal(signal.SIGTERM) == before
    rest, whole = training(tmp_path / "stopped"), training(tmp_path / "whole")
    rest.run()
    whole.run()
    assert weights(rest) == pytest.approx(weights(whole), abs=1e-6)


def test_a_training_that_is_done_takes_no_further_step(tmp_path: Path) -> None:
    training(tmp_path).run()
    again = training(tmp_path, stop_at=6)
    again.run()
    assert again.step == 6
    log = (tmp_path / "line.log").read_text()
    assert log.count("step=6/6") == 1


def test_the_ledger_adds_what_every_process_spent(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "spent.json")
    sum(number * number for number in range(300_000))
    first.tick("drawing", now=True)
    second = Ledger(tmp_path / "spent.json")
    assert second.seconds("drawing") == pytest.approx(first.seconds("drawing"))
    sum(number * number for number in range(300_000))
    second.tick("vae", now=True)
    assert second.seconds("drawing") == pytest.approx(first.seconds("drawing"))
    assert 0 < second.seconds("vae") < second.seconds()
    assert list(Ledger(tmp_path / "spent.json").stages()) == ["drawing", "vae"]


def test_a_pool_is_drawn_once_and_is_the_same_again(tmp_path: Path) -> None:
    spec = PoolSpec("some", 6, size=16, styles=STYLES, subjects=3)
    first = drawings(tmp_path, spec, Ledger(tmp_path / "spent.json"))
    kept = sorted((tmp_path / "some").iterdir())
    written = [path.stat().st_mtime_ns for path in kept]
    again = drawings(tmp_path, spec, Ledger(tmp_path / "spent.json"))
    assert [path.stat().st_mtime_ns for path in kept] == written
    assert np.array_equal(first.pictures, again.pictures)
    assert first.pictures.shape == (6, 16, 16, 3)
    assert first.labels[:, LABELS.index("style")].tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("held_out", [False, True])
def test_a_pool_shows_either_what_is_trained_on_or_what_never_is(held_out: bool) -> None:
    shown = [motif for motif, _, _ in motifs(PoolSpec("any", 400, held_out=held_out))]
    assert {is_held_out(motif) for motif in shown} == {held_out}


def test_an_untrained_vae_is_not_deaf() -> None:
    """What goes in comes out about as loud, or nothing is learnt for hundreds of steps."""
    vae = build(Sizes()).vae
    pictures = np.random.default_rng(1).integers(0, 255, (2, 4, 4, 3)).astype(np.uint8).repeat(8, 1).repeat(8, 2)
    assert there_and_back(vae, pictures).std() > 6


def test_halves_of_a_batch_teach_what_the_whole_does(tmp_path: Path) -> None:
    whole, halves = training(tmp_path / "whole"), training(tmp_path / "halves")
    whole.streams = whole.streams[:1]
    assert len(halves.streams) == 2
    whole.run()
    halves.run()
    assert weights(halves) == pytest.approx(weights(whole), abs=1e-5)


def test_padding_counts_for_all_that_mflux_puts_behind_a_prompt() -> None:
    weights = weights_of(np.array([5, WORDS], np.int32))
    assert weights.sum(axis=1).tolist() == [512, 512]
    assert weights[0, :6].tolist() == [1, 1, 1, 1, 1, 0]


def test_every_drawing_has_its_captions_and_they_are_the_same_again() -> None:
    spec = PoolSpec("some", 5, seed=3)
    assert len(captions(spec)) == 5 * CAPTIONS
    assert captions(spec) == captions(spec)
    assert len(set(captions(spec))) > CAPTIONS


@pytest.mark.parametrize("size", [128, 256])
def test_the_levels_of_noise_are_those_that_mflux_paints_on(size: int) -> None:
    config = Config(
        ModelConfig.flux2_klein_4b(),
        num_inference_steps=4,
        width=size,
        height=size,
        scheduler="flow_match_euler_discrete",
    )
    assert sigmas((size // 16) ** 2) == pytest.approx(config.scheduler.sigmas.tolist())
