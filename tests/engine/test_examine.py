"""What the engine tells of this machine."""

from importlib.metadata import version

from kilnmark.engine.compute import backend, device_bytes, precision
from kilnmark.engine.examine import examine


def test_it_tells_what_is_computed_on_and_in() -> None:
    found = examine()
    assert (found.backend, found.mlx_version) == (backend(), version("mlx"))
    assert (found.precision, found.number_bytes) == (str(precision()).rpartition(".")[2], precision().size)
    assert 0 < found.base_bytes < found.device_bytes == device_bytes()
