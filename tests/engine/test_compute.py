"""The machine under MLX: its BLAS, and the limits on its memory.

The BLAS is decided by which library is in a process first, so each question about it is asked in a fresh one.
"""

import ctypes
import os
import subprocess
import sys

import pytest

from kilnmark.engine import compute

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first

ON_LINUX_CPU = sys.platform == "linux"

WHICH_BLAS = """
import ctypes, logging
logging.basicConfig(format="%(levelname)s: %(message)s")
{first}
{second}
from kilnmark.engine.compute import OPENBLAS, backend

class Where(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("file", "base", "symbol", "address")]

def library_of_sgemm():
    where = Where()
    try:
        ctypes.CDLL(None).dladdr(ctypes.cast(ctypes.CDLL(None).cblas_sgemm, ctypes.c_void_p), ctypes.byref(where))
    except AttributeError:
        return ""
    return where.file.decode()

print(OPENBLAS)
print(library_of_sgemm())
print(backend())
"""

NO_OPENBLAS = """
import ctypes.util, importlib.util, sys
sys.platform = "linux"
ctypes.util.find_library = lambda name: None
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "cv2" else find(name)
"""


def asked(first: str, second: str = "") -> tuple[list[str], str]:
    """What a fresh process prints (the BLAS put first, the library of its matmuls, the back end) and warns of."""
    code = WHICH_BLAS.format(first=first, second=second)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines(), done.stderr


@pytest.mark.skipif(not ON_LINUX_CPU, reason="only MLX's Linux wheel brings the slow BLAS")
def test_imported_first_it_puts_openblas_where_mlx_finds_its_matmul() -> None:
    (chosen, library, backend), warned = asked("import kilnmark.engine", "import mlx.core")
    if backend == "cuda":
        pytest.skip("CUDA computes without a BLAS of ours")
    assert "openblas" in chosen
    assert library == chosen
    assert warned == ""


def test_the_fast_blas_takes_as_many_threads_as_it_is_told() -> None:
    if compute.OPENBLAS is None or not hasattr(library := ctypes.CDLL(compute.OPENBLAS), "openblas_get_num_threads"):
        pytest.skip("no OpenBLAS is in use, or it tells nothing of its threads")
    before: int = library.openblas_get_num_threads()
    try:
        compute.limit_blas(1)
        assert library.openblas_get_num_threads() == 1
    finally:
        compute.limit_blas(before)


@pytest.mark.skipif(not ON_LINUX_CPU, reason="only MLX's Linux wheel brings the slow BLAS")
def test_imported_after_mlx_it_says_that_it_is_too_late() -> None:
    (chosen, library, backend), warned = asked("import mlx.core", "import kilnmark.engine")
    if backend == "cuda":
        pytest.skip("CUDA computes without a BLAS of ours")
    assert chosen == "None"
    assert "openblas" not in library
    assert "import kilnmark.engine first" in warned


@pytest.mark.parametrize("platform", ["darwin", "freebsd14"])
def test_elsewhere_nothing_is_loaded(platform: str) -> None:
    pretended = f"import ctypes.util, sys; sys.platform = {platform!r}"  # Debian's Python has no half of it for a Mac
    (chosen, _, _), _ = asked(pretended, "import kilnmark.engine; import mlx.core")
    assert chosen == "None"


def test_without_any_openblas_it_warns_of_the_slow_one() -> None:
    (chosen, _, backend), warned = asked(NO_OPENBLAS, "import kilnmark.engine")
    if backend == "cuda":
        pytest.skip("CUDA computes without a BLAS of ours")
    assert chosen == "None"
    assert "install opencv-python or the system's libopenblas" in warned


def test_the_back_end_follows_mlxs_default_device() -> None:
    (_, _, backend), _ = asked("import kilnmark.engine", "import mlx.core as mx; mx.set_default_device(mx.cpu)")
    assert backend == "cpu"


GIB = 1 << 30


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """What MLX is told of its limits, on a device of 20 GiB that wires memory as Metal does."""
    told: dict[str, list[int]] = {"memory": [], "cache": [], "wired": [0]}

    def wire(limit: int) -> int:
        told["wired"].append(limit)
        return told["wired"][-2]

    monkeypatch.setattr(
        mx, "device_info", lambda: {"memory_size": 32 * GIB, "max_recommended_working_set_size": 20 * GIB}
    )
    monkeypatch.setattr(mx, "set_memory_limit", told["memory"].append)
    monkeypatch.setattr(mx, "set_cache_limit", told["cache"].append)
    monkeypatch.setattr(mx, "set_wired_limit", wire)
    monkeypatch.setattr(compute, "backend", lambda: "metal")
    return told


def test_the_budget_is_a_share_of_what_the_device_recommends_and_the_cache_is_the_rest(
    told: dict[str, list[int]],
) -> None:
    limits = compute.set_limits(None)
    assert (limits.device_bytes, limits.base_bytes) == (20 * GIB, 17 * GIB)
    assert (told["memory"], told["cache"]) == ([20 * GIB], [3 * GIB])
    assert (limits.memory_bytes, limits.cache_bytes, limits.wired_bytes) == (20 * GIB, 3 * GIB, 17 * GIB)


def test_a_budget_beyond_the_device_is_taken_at_its_word_and_never_wired(told: dict[str, list[int]]) -> None:
    limits = compute.set_limits(30 * GIB)
    assert (limits.base_bytes, limits.memory_bytes, limits.wired_bytes) == (30 * GIB, 30 * GIB, 20 * GIB)
    assert limits.cache_bytes == told["cache"][0] == compute.CPU_CACHE_BYTES


def test_where_mlx_keeps_no_wired_limit_there_is_none(
    told: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mx, "set_wired_limit", lambda _: 0)
    assert compute.set_limits(None).wired_bytes is None
    assert told["memory"] == [20 * GIB]


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_where_mlx_refuses_a_wired_limit_there_is_none(
    told: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def refuse(_: int) -> int:
        raise error("not here")

    monkeypatch.setattr(mx, "set_wired_limit", refuse)
    assert compute.set_limits(None).wired_bytes is None
    assert told["cache"] == [3 * GIB]


@pytest.mark.parametrize(
    ("info", "size"),
    [
        ({"memory_size": 7, "max_recommended_working_set_size": 5}, 5),
        ({"memory_size": 7}, 7),
        ({"total_memory": 9, "free_memory": 1}, 9),
    ],
)
def test_the_devices_memory_is_the_most_careful_figure_it_gives(
    monkeypatch: pytest.MonkeyPatch, info: dict[str, int], size: int
) -> None:
    monkeypatch.setattr(mx, "device_info", lambda: info)
    assert compute.device_bytes() == size


def test_a_device_that_gives_none_has_the_machines_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mx, "device_info", lambda: {"device_name": "a processor"})
    assert compute.device_bytes() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_on_a_cpu_little_is_kept_for_reuse(told: dict[str, list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "backend", lambda: "cpu")
    assert compute.set_limits(None).cache_bytes == told["cache"][0] == 256 << 20
