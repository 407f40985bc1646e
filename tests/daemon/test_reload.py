"""Settings that are read again: which take effect, which need a start, and that both are told."""

import asyncio
import sys
from pathlib import Path

import pytest

from kilnmark.daemon.reload import AT_ONCE, changed_beyond, read_again, with_those_at_once
from kilnmark.daemon.settings import SettingsError
from kilnmark.protocol.settings import Settings

OLD = Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/var/kiln"))
NEW = OLD.model_copy(update={"queue_limit": 3, "variant": "dev", "cache_bytes": 0})
PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_those_at_once_are_taken_and_the_others_are_named() -> None:
    taken = with_those_at_once(OLD, NEW)
    assert (taken.queue_limit, taken.variant, taken.cache_bytes) == (3, OLD.variant, OLD.cache_bytes)
    assert changed_beyond(taken, NEW) == ["variant", "cache_bytes"]


def test_every_one_at_once_is_a_setting_and_stands_on_the_page() -> None:
    assert set(AT_ONCE) <= set(Settings.model_fields)
    told = PAGE.read_text(encoding="utf-8").partition("take effect at once")[2].partition("The log says")[0]
    assert [name for name in AT_ONCE if f"`{name}`" not in told] == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ([], "nothing to read them from"),
        (["/nowhere/at-all"], "cannot be read again: .*No such file"),
        (
            [sys.executable, "-c", "raise SystemExit('Usage: x\\n\\nError: /k.toml:1: no such key')"],
            "^/k.toml:1: no such key$",
        ),
        (
            [sys.executable, "-c", "raise SystemExit('Error: a.toml:1: no key\\na.toml:2: no number\\n')"],
            "^a.toml:1: no key; a.toml:2: no number$",
        ),
        ([sys.executable, "-c", "print('{}')"], "not usable: socket"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(command: list[str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        asyncio.run(read_again(command))
