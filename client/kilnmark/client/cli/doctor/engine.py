"""What MLX computes on, its memory, and its BLAS: asked of a process of the engine's own."""

from collections.abc import Iterator
from pathlib import Path

from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.patient import Patient, Unasked

__all__ = ["gigabytes", "look_at_engine"]

_GB = 10**9

NVIDIA = Path("/proc/driver/nvidia/version")
"""There where the driver of an NVIDIA card runs."""


def gigabytes(count: float) -> str:
    """A size for people, in GB as disks and models have it, or in MB where it is less than one."""
    if count < _GB:
        return f"{count / 10**6:.0f} MB"
    return f"{count / _GB:.0f} GB" if count >= 10 * _GB else f"{count / _GB:.1f} GB"


def look_at_engine(patient: Patient) -> Iterator[Observation]:
    """The back end and its memory; on a CPU under Linux the BLAS, and a card that is not used."""
    if not patient.can_serve:
        return
    found = patient.engine
    if isinstance(found, Unasked):
        mend = "install kilnmark[cpu], or kilnmark[cuda] beside a driver for its card"
        if patient.platform == "darwin":
            mend = "install kilnmark[daemon] anew, in a Python for this machine's processor"
        yield fault("back end", f"MLX computes nothing here: {found.reason}", mend)
        return
    memory = f"{gigabytes(found.device_bytes)} of memory, {gigabytes(found.base_bytes)} of it for bases"
    where = {"cpu": "the CPU", "metal": "Metal", "cuda": "CUDA"}.get(found.backend, found.backend)
    yield ok("back end", f"MLX {found.mlx_version} computes on {where} in {found.precision}; {memory}")
    if found.backend != "cpu":
        return
    if patient.platform == "darwin":
        yield warning("back end", "MLX does not use Metal", "use a Mac with Apple silicon and a Python built for it")
    elif NVIDIA.exists():
        yield warning("back end", "there is an NVIDIA card, and MLX computes on the CPU", "install kilnmark[cuda]")
    if patient.platform == "linux":
        yield _blas(found.fast_blas)


def _blas(fast: str | None) -> Observation:
    if fast is not None:
        return ok("BLAS", fast)
    return warning(
        "BLAS",
        "there is no OpenBLAS, so that float32 is computed about fifty times slower",
        "install opencv-python in this Python, or the system's libopenblas (Debian: libopenblas0-pthread)",
    )
