"""Which late renders a second node is asked for."""

from kilnmark.farm.placement.race import LateJob, stragglers
from kilnmark.farm.placement.views import Policy
from tests.farm.placement.views import view

RACE = Policy(race_after=3.0)
PARTITION = view().partition


def job(name: str, running_s: float, usual_s: float = 10.0, copies: int = 1) -> LateJob:
    return LateJob(name, PARTITION, running_s, usual_s, copies)


def raced(*jobs: LateJob, waiting: int = 0, idle: int = 9, policy: Policy = RACE) -> str:
    return "".join(each.job_id for each in stragglers(jobs, waiting=waiting, idle=idle, policy=policy))


def test_nothing_is_raced_unless_asked() -> None:
    assert raced(job("a", 900.0), policy=Policy()) == ""


def test_the_latest_are_raced_first_and_no_more_than_nodes_are_idle() -> None:
    assert raced(job("a", 40.0), job("b", 90.0), job("c", 30.0), job("d", 50.0), idle=2) == "bd"


def test_nothing_is_raced_while_work_waits() -> None:
    assert raced(job("a", 900.0), waiting=1) == ""


def test_a_job_is_raced_once_and_only_where_it_is_known_what_is_usual() -> None:
    assert raced(job("a", 900.0, copies=2), job("b", 900.0, usual_s=0.0)) == ""
