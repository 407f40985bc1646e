"""What a command says of renders that it could not cancel."""

from dataclasses import dataclass

import pytest

from kilnmark.client.cli.left import telling_uncancelled
from kilnmark.client.errors import ConnectionLost, DaemonUnavailable, SilenceTimeout


@dataclass
class Left:
    uncancelled: tuple[str, ...] = ("a", "b")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            SilenceTimeout(180, "render"),
            "the daemon hangs, so job b could not be cancelled: it, or the next one,",
        ),
        (DaemonUnavailable("/s", "gone"), "the daemon is away, so job b could not be cancelled: the next one gives it"),
        (ConnectionLost((), "gone"), "the daemon is away"),
        (KeyboardInterrupt(), "the daemon is away"),
    ],
)
def test_whether_the_daemon_hangs_or_is_away_is_told_of_each_render(
    capsys: pytest.CaptureFixture[str], error: BaseException, words: str
) -> None:
    with pytest.raises(type(error)), telling_uncancelled(Left()):
        raise error
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert words in told[1]
    assert "`kilnmark cancel b` ends it then" in told[1]


def test_one_whose_id_its_caller_chose_is_painted(capsys: pytest.CaptureFixture[str]) -> None:
    with telling_uncancelled(Left(("a",)), named=True):
        pass
    assert "the next one paints it" in capsys.readouterr().err


def test_nothing_is_said_where_all_were_told(capsys: pytest.CaptureFixture[str]) -> None:
    with telling_uncancelled(Left(())):
        pass
    assert capsys.readouterr().err == ""
