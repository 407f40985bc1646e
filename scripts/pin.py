"""Write the versions of the installed packages into pyproject.toml, as `[tool.uv] constraint-dependencies`.

`uv.lock` stays out of the repository because it names the index it was made with; these lines hold versions only, so
every machine resolves to the same packages from whatever index it has. Packages of other systems are not pinned here.
"""

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
BLOCK = re.compile(r"^constraint-dependencies = \[\n(?:    .*\n)*\]\n", re.MULTILINE)
TABLE = "[tool.uv]\n"
NOT_PINNED = {"kilnmark", "pip", "setuptools", "uv", "wheel"}


def installed() -> dict[str, str]:
    """Name, in its normal form, to version of every package of this environment that a user would install."""
    found = {re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower(): d.version for d in distributions()}
    return {name: version for name, version in sorted(found.items()) if name not in NOT_PINNED}


def pinned(text: str, versions: dict[str, str]) -> str:
    """The text of pyproject.toml with these versions as its constraints."""
    block = "constraint-dependencies = [\n" + "".join(f'    "{n}=={v}",\n' for n, v in versions.items()) + "]\n"
    without = BLOCK.sub("", text)
    if without.count(TABLE) != 1:
        sys.exit(f"{PROJECT.name} must have one {TABLE.strip()} table")
    return without.replace(TABLE, TABLE + block)


def main() -> None:
    """Pin, and say how many packages changed."""
    before = PROJECT.read_text()
    after = pinned(before, installed())
    if after != before:
        PROJECT.write_text(after)
    changed = set(after.splitlines()) ^ set(before.splitlines())
    print(f"{len(changed)} lines changed, {len(installed())} packages pinned")


if __name__ == "__main__":
    main()
