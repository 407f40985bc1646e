"""`make pack-trial`: a pack of sixty places and twenty portraits, from `pack init` to published pictures.

Everything that writes is killed, two browsers decide at once, an adapter is dead. It fails where a promise is broken.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from scripts.pack_trial.browsers import decide_at_once
from scripts.pack_trial.house import House
from scripts.pack_trial.kills import Killer
from scripts.pack_trial.pack import Entries
from scripts.pack_trial.session import Told, session, tell_of_a_dead_adapter

_LEAST_PLACES, _LEAST_PEOPLE = 4, 2
"""Of which five are rejected."""


def main() -> None:
    """Try, show, write, and leave with 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    parser.add_argument("--variant", default="standin", choices=("standin", "mini"), help="the base that paints")
    parser.add_argument("--places", type=int, default=60, help="points of interest, 4 or more")
    parser.add_argument("--people", type=int, default=20, help="portraits, 2 or more")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments of the kills")
    asked = parser.parse_args()
    if asked.places < _LEAST_PLACES or asked.people < _LEAST_PEOPLE:
        parser.error("five entries are rejected: give 4 places or more, and 2 people or more")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that nothing it started outlives it
    print(f"seed {asked.seed}", flush=True)
    told, began = Told(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kiln-") as folder:
        house = House(Path(folder), asked.variant)
        house.packs.mkdir()
        with house.daemon():
            session(house, Entries(asked.places, asked.people), told)
            decide_at_once(house, told)
            Killer(house, asked.seed).kill(asked.kills, told)
            told.figures["renders"] = house.rendered()
            tell_of_a_dead_adapter(house, told)
    told.figures["seconds"] = round(time.monotonic() - began, 1)
    print("  ".join(f"{name} {value}" for name, value in told.figures.items()))
    if asked.json:
        document = {"variant": asked.variant, "seed": asked.seed, **told.figures, "broken": told.broken}
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    sys.exit(bool(told.broken))


if __name__ == "__main__":
    main()
