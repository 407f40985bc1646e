"""The BLAS under MLX: decided by which library is in a process first, so each question is asked in a fresh one."""

import subprocess
import sys

import pytest

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


@pytest.mark.skipif(not ON_LINUX_CPU, reason="only MLX's Linux wheel brings the slow BLAS")
def test_imported_after_mlx_it_says_that_it_is_too_late() -> None:
    (chosen, library, backend), warned = asked("import mlx.core", "import kilnmark.engine")
    if backend == "cuda":
        pytest.skip("CUDA computes without a BLAS of ours")
    assert chosen == "None"
    assert "openblas" not in library
    assert "import kilnmark.engine first" in warned


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_is_loaded(platform: str) -> None:
    (chosen, _, _), _ = asked(f"import sys; sys.platform = {platform!r}", "import kilnmark.engine; import mlx.core")
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
