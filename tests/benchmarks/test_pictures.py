"""What of a picture of 20 steps is steps, in a queue of several of different prompts, through a daemon."""

import asyncio

import pytest

from tests.benchmarks.figures import Figure, Headline, tell
from tests.benchmarks.share_of_steps import queued, share_of_steps
from tests.daemon.conftest import running_daemon

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

PICTURES, STEPS, SIDE = 4, 20, 96
PROMPTS = ("a kiln", "the rain", "a mill", "a barge")


def test_the_share_of_steps_in_a_picture() -> None:
    asked = [
        {"prompt": prompt, "seed": seed, "steps": STEPS, "width": SIDE, "height": SIDE}
        for seed, prompt in enumerate(PROMPTS)
    ]
    with running_daemon(env={"OTEL_SDK_DISABLED": "true"}) as daemon:
        daemon.warm()
        ended = asyncio.run(queued(str(daemon.socket), asked))
    assert len({each.result.image_path for each in ended}) == PICTURES
    share = share_of_steps(ended)
    what = f"{STEPS} steps of {SIDE}x{SIDE}, of which in steps"
    tell(Figure(part="pictures", base="standin", what=what, who="kilnmark", value=share, unit="share", rounds=3))
    tell(Headline(name="share_of_steps", value=share))
