"""The bases and files that benchmarks share, and what is told of the machine once a run."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from kilnmark.engine.compute import OPENBLAS, backend
from kilnmark.engine.families.base import Base, load_base
from tests.benchmarks.figures import Platform, tell
from tests.benchmarks.files import AdapterFiles
from tests.engine.tiny_flux import write_tiny_flux

BASES = ("standin", "directory")


@pytest.fixture(scope="session", autouse=True)
def told_platform() -> None:
    packages = ("kilnmark", "mlx", "mflux", "numpy")
    facts = {
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "backend": backend(),
        "BLAS threads": os.environ.get("OPENBLAS_NUM_THREADS", "all"),
        "blas": Path(OPENBLAS).name.split("-")[0] if OPENBLAS else "MLX's own",
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
    tell(Platform(facts=facts))


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FLUX.1-dev with 1+1 blocks, written once a run."""
    return write_tiny_flux(tmp_path_factory.mktemp("tiny") / "flux")


@pytest.fixture(scope="module", params=BASES)
def base(request: pytest.FixtureRequest) -> Base:
    """Each base in turn; it leaves with its module."""
    where = "standin" if request.param == "standin" else str(request.getfixturevalue("directory"))
    return load_base(where, None)


@pytest.fixture(scope="module")
def base_name(request: pytest.FixtureRequest, base: Base) -> str:
    return "standin" if base.info.variant == "standin" else "directory"


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdapterFiles]:
    """Adapter files, made when they are asked for and gone with the run."""
    made = AdapterFiles(tmp_path_factory.mktemp("adapters"))
    yield made
    made.clear()
