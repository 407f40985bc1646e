"""Where a test's services are: a home of their own, with nothing of the user's that runs it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kilnmark.client.cli.service.plan import ServicePlan, plan_service
from kilnmark.client.cli.settings.gather import Gathered, Surroundings, gather

Planned = Callable[..., ServicePlan]


def surroundings(home: Path, env: Mapping[str, str], platform: str = "linux") -> Surroundings:
    return Surroundings(env=env, platform=platform, home=home, uid=501, here=home)


def gathered(home: Path, env: Mapping[str, str], **options: object) -> Gathered:
    return gather(options, None, surroundings(home, env))


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    """Plans a service: `planned({"KILNMARK_VARIANT": "dev"}, queue_limit="9")`."""

    def plan(env: Mapping[str, str] | None = None, **options: object) -> ServicePlan:
        env = {"XDG_RUNTIME_DIR": f"{tmp_path}/run", **(env or {})}
        return plan_service(gathered(tmp_path, env, **options), surroundings(tmp_path, env))

    return plan
