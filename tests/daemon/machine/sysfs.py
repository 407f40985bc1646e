"""Folders as Linux has them below `/sys/class`, for tests of what is read of them."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["COOL", "HOT", "LINE", "LINE_OFF", "laptop", "supplies", "zone"]

LINE = {"type": "Mains", "online": "1"}
LINE_OFF = {"type": "Mains", "online": "0"}
HOT, COOL = 99_000, 45_000
"""Thousandths of a degree, of a zone whose passive point is at 95 degrees."""


def supplies(root: Path, **named: Mapping[str, str]) -> Path:
    """Power supplies by name, each with its files; those that were there are emptied of nothing."""
    for name, files in named.items():
        folder = root / "power_supply" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(f"{text}\n")
    return root


def zone(root: Path, temperature: int, points: Mapping[str, int], number: int = 0) -> Path:
    """One thermal zone with its trip points, by type."""
    folder = root / "thermal" / f"thermal_zone{number}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "type").write_text("x86_pkg_temp\n")
    (folder / "temp").write_text(f"{temperature}\n")
    for i, (kind, at) in enumerate(points.items()):
        (folder / f"trip_point_{i}_type").write_text(f"{kind}\n")
        (folder / f"trip_point_{i}_temp").write_text(f"{at}\n")
    return root


def laptop(root: Path, *, on_battery: bool, temperature: int = COOL) -> Path:
    """A laptop with 41% left."""
    battery = {"type": "Battery", "status": "Discharging" if on_battery else "Charging", "capacity": "41"}
    supplies(root, AC=LINE_OFF if on_battery else LINE, BAT0=battery)
    return zone(root, temperature, {"passive": 95_000})
