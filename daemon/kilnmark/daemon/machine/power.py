"""What the machine says of its power and its heat: Linux in the files of sysfs, macOS by programs.

Only read here, and only where somebody wants to know; what follows from it, `saving` decides. Readings may take a
while, so they are made off the loop.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SYSFS", "PowerReading", "read_pmset", "read_power", "read_sysfs"]

SYSFS = Path("/sys/class")

READ_TIMEOUT = 5.0
"""Seconds that a program may take."""


FULL_SPEED = 100
"""Percent."""

PRESSURE = "com.apple.system.thermalpressurelevel"
"""What macOS lets everybody know of its heat; Apple silicon tells `pmset` next to nothing."""

HEAVY = 2
"""The level from which on it slows down by more than it does in any long work."""


@dataclass(frozen=True)
class PowerReading:
    """How the machine is at one moment.

    Attributes:
        on_battery: None: the machine does not say.
        charge: Of its battery in percent; None: it does not say.
        hot: What shows that the machine slows itself down, as a clause; None: nothing does.
    """

    on_battery: bool | None = None
    charge: int | None = None
    hot: str | None = None


def read_power(platform: str, root: Path = SYSFS) -> PowerReading:
    """Ask the machine.

    Args:
        platform: As `sys.platform` names it.
        root: Where sysfs has its classes.
    """
    return read_pmset() if platform == "darwin" else read_sysfs(root)


def read_sysfs(root: Path) -> PowerReading:
    """Linux: `power_supply` and `thermal` below a folder of classes, as `Documentation/ABI/testing/sysfs-class-power`
    and `Documentation/driver-api/thermal/sysfs-api.rst` of the kernel have them.

    On battery is a machine that has one, and no line that gives power, and says that the one is discharged or that the
    other is there and off. Batteries of mice and headsets do not count, nor does an empty socket of a second battery.
    """
    lines, batteries = set[str](), list[Path]()
    for supply in sorted(_below(root / "power_supply", "*")):
        if _text(supply / "type") == "Battery":
            if _text(supply / "scope") != "Device" and _text(supply / "present") != "0":
                batteries.append(supply)
        elif _text(supply / "scope") != "Device":
            lines.add(_text(supply / "online"))
    discharges = any(_text(battery / "status") == "Discharging" for battery in batteries)
    charges = [charge for battery in batteries if (charge := _number(battery / "capacity")) is not None]
    return PowerReading(
        on_battery=(
            not lines - {"0", ""} and (discharges or "0" in lines) if batteries else False if "1" in lines else None
        ),
        charge=min(charges, default=None),
        hot=next(_hot_zones(root / "thermal"), None),
    )


def _hot_zones(folder: Path) -> Iterator[str]:
    """Zones at the point from which the kernel cools by slowing down; those without such a point say nothing."""
    for zone in sorted(_below(folder, "thermal_zone*")):
        temperature = _number(zone / "temp")
        points = [
            point
            for kind in sorted(_below(zone, "trip_point_*_type"))
            if _text(kind) in ("passive", "hot", "critical")
            and (point := _number(kind.with_name(kind.name.replace("_type", "_temp")))) is not None
            and point > 0
        ]
        if temperature is not None and points and temperature >= min(points):
            name = _text(zone / "type") or zone.name
            yield f"{name} is at {temperature / 1000:.0f} °C, where the machine slows down"


def _below(folder: Path, pattern: str) -> list[Path]:
    with suppress(OSError):
        return list(folder.glob(pattern))
    return []


def _text(file: Path) -> str:
    """Of a file of sysfs; empty where it is absent or cannot be read at the moment."""
    with suppress(OSError, UnicodeDecodeError):
        return file.read_text().strip()
    return ""


def _number(file: Path) -> int | None:
    with suppress(ValueError):
        return int(_text(file))
    return None


def read_pmset() -> PowerReading:
    """macOS: `pmset -g batt`, `pmset -g therm`, and the pressure that `notifyutil` tells where `pmset` does not."""
    supply, heat = _said("pmset", "-g", "batt"), _said("pmset", "-g", "therm")
    drawn = re.search(r"Now drawing from '([^']*)'", supply)
    charge = re.search(r"-InternalBattery-\d.*?(\d+)%", supply)
    return PowerReading(
        on_battery=None if drawn is None else drawn[1] == "Battery Power",
        charge=None if charge is None else int(charge[1]),
        hot=_hot_words(heat) or _pressure_words(_said("notifyutil", "-g", PRESSURE)),
    )


def _hot_words(told: str) -> str | None:
    """Apple silicon tells a level once there was a warning; Intel tells how much of its speed is left."""
    for what, level in re.findall(r"^\s*(Thermal|Performance) Warning Level\s*=\s*(\d+)", told, re.MULTILINE):
        if int(level):
            return f"the system's {what.lower()} warning is at level {level}"
    for limit in re.findall(r"CPU_(?:Speed|Scheduler)_Limit\s*=\s*(\d+)", told):
        if int(limit) < FULL_SPEED:
            return f"the system holds the processor at {limit}% of its speed"
    return None


def _pressure_words(told: str) -> str | None:
    """Its name and a number, from 0: nominal, moderate, heavy, trapping, sleeping."""
    level = told.rpartition(" ")[2].strip()
    if not level.isdecimal() or int(level) < HEAVY:
        return None
    return f"the system's thermal pressure is at level {level}"


def _said(*command: str) -> str:
    """What a program prints; empty where it cannot be run."""
    try:
        done = subprocess.run(  # noqa: S603 - nothing in the command is from outside
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=READ_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
