"""What is claimed of versions and systems is what was run, and is said in one way."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLASSIFIERS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def claimed(prefix: str) -> list[str]:
    return [text.removeprefix(prefix) for text in CLASSIFIERS if text.startswith(prefix)]


def test_the_pythons_of_the_package_are_those_that_its_tests_ran_on() -> None:
    [sentence] = re.findall(r"all tests pass on Python ([^,]*(?:, [^,]*)* and [\d.]+), on Linux", CONTRIBUTING)
    assert re.findall(r"3\.\d+", sentence) == claimed("Programming Language :: Python :: ")


def test_no_system_is_claimed_that_they_did_not_run_on() -> None:
    assert claimed("Operating System :: ") == ["POSIX :: Linux"]
