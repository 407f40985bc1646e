"""What machines say of their power and their heat: Linux in files, macOS in words."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kilnmark.daemon.machine.power import SYSFS, PowerReading, read_power, read_sysfs
from tests.daemon.machine.sysfs import LINE, LINE_OFF, laptop, supplies, zone

FULL = {"type": "Battery", "status": "Full", "capacity": "100"}
DRAINED = {"type": "Battery", "status": "Discharging", "capacity": "41"}
MOUSE = {"type": "Battery", "scope": "Device", "status": "Discharging", "capacity": "12"}
EMPTY_BAY = {"type": "Battery", "present": "0", "status": "Unknown", "capacity": "0"}
USB_OFF = {"type": "USB", "online": "0"}


@pytest.mark.parametrize(
    ("named", "on_battery", "charge"),
    [
        ({}, None, None),
        ({"AC": LINE}, False, None),
        ({"AC": LINE_OFF}, None, None),
        ({"hidpp_battery_0": MOUSE}, None, None),
        ({"AC": LINE, "BAT0": DRAINED}, False, 41),
        ({"AC": LINE_OFF, "BAT0": DRAINED}, True, 41),
        ({"AC": LINE_OFF, "BAT0": FULL}, True, 100),
        ({"AC": LINE_OFF, "BAT0": FULL, "BAT1": DRAINED}, True, 41),
        ({"AC": LINE, "BAT0": FULL, "BAT1": EMPTY_BAY}, False, 100),
        ({"BAT0": DRAINED}, True, 41),
        ({"BAT0": FULL}, False, 100),
        ({"AC": LINE_OFF, "ucsi-source-1": {"type": "USB", "online": "1"}, "BAT0": DRAINED}, False, 41),
        ({"ucsi-source-1": USB_OFF, "BAT0": DRAINED}, True, 41),
        ({"AC": LINE_OFF, "BAT0": DRAINED | {"capacity": "much"}}, True, None),
        ({"AC": {"type": "Mains"}, "BAT0": DRAINED}, True, 41),
    ],
)
def test_linux_is_on_battery_where_it_has_one_and_no_line_gives_power(
    tmp_path: Path, named: Mapping[str, Mapping[str, str]], on_battery: bool | None, charge: int | None
) -> None:
    assert read_sysfs(supplies(tmp_path, **named)) == PowerReading(on_battery, charge)


@pytest.mark.parametrize(
    ("temperature", "points", "is_hot"),
    [
        (94_999, {"passive": 95_000, "critical": 105_000}, False),
        (95_000, {"passive": 95_000, "critical": 105_000}, True),
        (96_000, {"critical": 105_000}, False),
        (105_000, {"critical": 105_000}, True),
        (96_000, {"active": 50_000}, False),
        (96_000, {"passive": -274_000}, False),
        (96_000, {"passive": 0, "hot": 100_000}, False),
        (96_000, {}, False),
    ],
)
def test_linux_is_hot_from_the_point_on_that_it_slows_down_at(
    tmp_path: Path, temperature: int, points: Mapping[str, int], is_hot: bool
) -> None:
    hot = read_sysfs(zone(tmp_path, temperature, points)).hot
    assert hot == (f"x86_pkg_temp is at {temperature / 1000:.0f} °C, where the machine slows down" if is_hot else None)


def test_one_hot_zone_of_several_is_enough_and_one_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    zone(tmp_path, 40_000, {"passive": 95_000})
    zone(tmp_path, 99_000, {"passive": 95_000}, number=1)
    zone(tmp_path, 40_000, {"passive": 95_000}, number=2)
    (tmp_path / "thermal/thermal_zone0/temp").unlink()
    assert read_sysfs(tmp_path).hot is not None


def test_this_machine_can_be_asked() -> None:
    reading = read_sysfs(SYSFS)
    assert reading.charge is None or 0 <= reading.charge <= 100


AC = "Now drawing from 'AC Power'\n -InternalBattery-0 (id=24182883)\t100%; charged; 0:00 remaining present: true\n"
BATTERY = (
    "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t72%; discharging; 3:15 remaining present: true\n"
)
DESKTOP = "Now drawing from 'AC Power'\n"
CALM = "Note: No thermal warning level has been recorded\nNote: No performance warning level has been recorded\n"
WARNED = "Thermal Warning Level = 1\nPerformance Warning Level = 0\n"
INTEL = "2026-08-20 05:08:37 -0700 CPU Power notify\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Speed_Limit \t= {}\n"


@pytest.mark.parametrize(
    ("batt", "therm", "reading"),
    [
        (AC, CALM, PowerReading(on_battery=False, charge=100)),
        (BATTERY, CALM, PowerReading(on_battery=True, charge=72)),
        (DESKTOP, CALM, PowerReading(on_battery=False)),
        (AC, WARNED, PowerReading(False, 100, "the system's thermal warning is at level 1")),
        (AC, CALM + INTEL.format(100), PowerReading(on_battery=False, charge=100)),
        (AC, CALM + INTEL.format(62), PowerReading(False, 100, "the system holds the processor at 62% of its speed")),
        ("", "", PowerReading()),
    ],
)
def test_macos_says_it_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batt: str, therm: str, reading: PowerReading
) -> None:
    for what, words in (("batt", batt), ("therm", therm)):
        (tmp_path / what).write_text(words)
    pmset = tmp_path / "pmset"
    pmset.write_text(f'#!/bin/sh\n[ "$1" = -g ] && [ $# = 2 ] && exec cat {tmp_path}/"$2"\nexit 64\n')
    pmset.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert read_power("darwin") == reading


@pytest.mark.parametrize(("level", "is_hot"), [("0", False), ("1", False), ("2", True), ("4", True), ("", False)])
def test_macos_tells_its_pressure_where_its_other_program_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str, is_hot: bool
) -> None:
    program = tmp_path / "notifyutil"
    program.write_text(f'#!/bin/sh\n[ "$1" = -g ] && [ $# = 2 ] && echo "$2 {level}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    hot = read_power("darwin").hot
    assert hot == (f"the system's thermal pressure is at level {level}" if is_hot else None)


def test_macos_without_its_program_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_power("darwin") == PowerReading()


def test_linux_is_not_asked_as_a_mac_is(tmp_path: Path) -> None:
    assert read_power("linux", laptop(tmp_path, on_battery=True)).on_battery
