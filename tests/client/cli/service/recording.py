"""Programs of a service manager's names that note what they are told and answer as a test has them.

They are real programs on PATH: what is not there otherwise, such as launchd on Linux, is run all the same.
"""

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Recorder"]


class Recorder:
    """A folder of such programs.

    Attributes:
        folder: For PATH.
    """

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._noted, self._answers = folder / "noted", folder / "answers"
        self._noted.touch()
        self._answers.mkdir(exist_ok=True)
        for name in names:
            program = folder / name
            program.write_text(_PROGRAM.format(folder=folder))
            program.chmod(0o755)

    @property
    def path(self) -> str:
        """PATH with it alone, and where the shell is."""
        return f"{self.folder}{os.pathsep}/usr/bin{os.pathsep}/bin"

    def answer(self, words: str, *, text: str = "", status: int = 0, error: str = "") -> None:
        """What is answered to commands that begin so; without, they succeed in silence."""
        place = self._answers / words.replace("/", "|")
        place.mkdir(exist_ok=True)
        (place / "out").write_text(text)
        (place / "err").write_text(error)
        (place / "status").write_text(str(status))

    def answers(self, said: Mapping[str, str]) -> None:
        """Several that succeed."""
        for words, text in said.items():
            self.answer(words, text=text)

    def taken(self) -> list[str]:
        """What was run since the last time this was asked."""
        lines = self._noted.read_text().splitlines()
        self._noted.write_text("")
        return lines


_PROGRAM = """#!/bin/sh
words="$(basename "$0") $*"
echo "$words" >> '{folder}/noted'
words="$(echo "$words" | tr / '|')"
while [ -n "$words" ]; do
    if [ -d "{folder}/answers/$words" ]; then
        cat "{folder}/answers/$words/out"
        cat "{folder}/answers/$words/err" >&2
        exit "$(cat "{folder}/answers/$words/status")"
    fi
    case "$words" in *" "*) words="${{words% *}}" ;; *) exit 0 ;; esac
done
"""
