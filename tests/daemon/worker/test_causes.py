"""What a worker died of is said in words, and a want of memory is named for what it is."""

import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kilnmark.daemon.worker import causes
from kilnmark.daemon.worker.causes import Deathbed, words_for_exit
from kilnmark.protocol.wire.status import WorkerWords


@contextmanager
def limited(nbytes: int) -> Iterator[None]:
    """This process under a soft limit of its own address space, which is far above what it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (nbytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.parametrize(
    ("status", "words"),
    [(1, "it left with status 1"), (-9, "it was ended by SIGKILL"), (-250, "it was ended by signal 250")],
)
def test_an_end_is_said_in_words(status: int, words: str) -> None:
    assert words_for_exit(status) == Deathbed().words(status, WorkerWords()) == words


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'"),
        (1, "RuntimeError: [malloc] Unable to allocate 17179869184 bytes."),
        (1, "RuntimeError: [metal::malloc] Attempting to allocate 1 bytes which is greater than the maximum"),
        (1, "RuntimeError: cudaMallocAsync(&data, size, stream) failed: out of memory"),
        (1, "OSError: [Errno 12] Cannot allocate memory"),
        (1, "MemoryError"),
    ],
)
def test_an_allocation_that_failed_is_named_wherever_it_was_told(status: int, line: str) -> None:
    said = WorkerWords(lines=["fine", *["and more"] * 3], first_failure=line)
    assert Deathbed().words(status, said) == f"it ran out of memory ({line}): {words_for_exit(status)}"
    said = WorkerWords(lines=["an error", line, "more"], first_failure="an error")
    assert Deathbed().words(status, said).startswith(f"it ran out of memory ({line})")


def test_one_that_left_by_itself_is_quoted() -> None:
    said = WorkerWords(lines=["Traceback:", "ImportError: no mlx", "  "])
    assert Deathbed().words(1, said) == "it left with status 1; the last it wrote: ImportError: no mlx"


def test_a_crash_is_what_mlx_does_without_memory_and_the_limit_is_told() -> None:
    crashed = Deathbed().words(-signal.SIGSEGV, WorkerWords())
    assert crashed == "it was ended by SIGSEGV, as MLX is where it cannot have the memory that it asks for"
    with limited(1 << 40):
        assert Deathbed().words(-signal.SIGBUS, WorkerWords()).endswith(" (it may have 1,048,576 MiB by `ulimit -v`)")


def test_the_kernel_is_named_where_it_ended_somebody_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = tmp_path / "vmstat"
    counts.write_text("nr_free_pages 7\noom_kill 2\npgfault 9\n")
    monkeypatch.setattr(causes, "_VMSTAT", counts)
    deathbed = Deathbed()
    assert deathbed.words(-9, WorkerWords()) == "it was ended by SIGKILL"
    counts.write_text("oom_kill 3\n")
    assert deathbed.words(-9, WorkerWords()) == "it was ended by SIGKILL, by the kernel, which had no memory left"
    assert deathbed.words(-15, WorkerWords()) == "it was ended by SIGTERM"
    counts.unlink()
    assert Deathbed().words(-9, WorkerWords()) == "it was ended by SIGKILL"


@pytest.mark.skipif(sys.platform != "linux", reason="asked of Linux's kernel")
def test_the_kernel_counts_there() -> None:
    assert re.search(r"^oom_kill \d+$", Path("/proc/vmstat").read_text(), re.MULTILINE)


def test_what_python_says_under_a_hard_limit_is_told_from_other_errors() -> None:
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28)); b'x' * (1 << 29)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = WorkerWords(lines=ended.stderr.splitlines())
    assert Deathbed().words(ended.returncode, said) == "it ran out of memory (MemoryError): it left with status 1"
