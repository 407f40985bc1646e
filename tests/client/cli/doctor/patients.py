"""Patients for the doctor's tests: a machine with a home of its own, whose engine and daemon are as a test says."""

from collections.abc import Iterable
from pathlib import Path

from kilnmark.client.cli.doctor.observation import Health, Observation
from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.examined import EngineExamined

__all__ = ["CPU", "healths", "patient", "the_one"]

CPU = EngineExamined(
    backend="cpu",
    precision="float32",
    number_bytes=4,
    device_bytes=40 * 10**9,
    base_bytes=34 * 10**9,
    mlx_version="0.32.4",
    fast_blas="/usr/lib/libopenblas.so.0",
)


def patient(home: Path, *, engine: EngineExamined = CPU, online: bool = False, **settings: object) -> Patient:
    """One without a daemon; `env` among the settings has its variables."""
    env = {"HOME": str(home), "HF_HOME": str(home / "hf"), **dict(settings.pop("env", {}))}  # type: ignore[call-overload]
    places = {"socket": home / "run" / "daemon.sock", "output_dir": home / "pictures", "lora_roots": (home,)}
    chosen = Settings.model_validate(places | settings)
    made = Patient(str(chosen.socket), chosen, online=online, env=env, platform="linux")
    made.__dict__["engine"] = engine
    return made


def healths(observations: Iterable[Observation]) -> list[Health]:
    return [each.health for each in observations]


def the_one(observations: Iterable[Observation], health: Health) -> Observation:
    """The only one that is so."""
    (found,) = (each for each in observations if each.health is health)
    return found
