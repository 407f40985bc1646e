"""What the engine and the daemon tell of this machine to whoever starts them for that alone: one line of JSON.

`kilnmark doctor` asks so for what the client cannot know itself: it imports neither. No request has these as an answer.
"""

import msgspec

__all__ = ["EngineExamined", "JournalExamined"]


class EngineExamined(msgspec.Struct, frozen=True, kw_only=True):
    """What MLX computes on here, after it has computed something.

    Attributes:
        backend: `cpu`, `metal` or `cuda`.
        precision: What is computed in, such as `float32`.
        number_bytes: Of a number of that.
        device_bytes: What the device recommends to use, or the machine's memory on a CPU.
        base_bytes: What all bases together may take of it, where no setting says otherwise.
        mlx_version: Of the library.
        fast_blas: The BLAS that was put before MLX's own slow one; None: there is none, or none is needed.
    """

    backend: str
    precision: str
    number_bytes: int
    device_bytes: int
    base_bytes: int
    mlx_version: str
    fast_blas: str | None = None


class JournalExamined(msgspec.Struct, frozen=True, kw_only=True):
    """What a daemon would make of a journal at its start.

    Attributes:
        open_jobs: Jobs that it would go on with.
        ended_jobs: Jobs that it would remember.
        is_damaged: It would move the file aside; the counts are those of what can be read of it.
        problem: Why it would not start with it.
    """

    open_jobs: int = 0
    ended_jobs: int = 0
    is_damaged: bool = False
    problem: str | None = None
