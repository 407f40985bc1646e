"""What a worker holds in memory, as `status` and every picture tell it: bases, the adapters on them, and limits.

Results only; nothing here is a parameter. All sizes are in bytes.
"""

import msgspec

from kilnmark.protocol.picture.numerics import Numerics

__all__ = ["BaseInfo", "ColdSize", "CompilingInfo", "HeldAdapter", "HeldBase", "Limits", "MemoryInfo"]


class BaseInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A base that a worker holds warm.

    Attributes:
        variant: The name it was asked for by.
        fingerprint: Hash that names its weights and topology.
        precision: Compute precision, such as `float32`.
        quantize: Bits of its quantized linears; None when they are not quantized.
        backend: `cpu`, `metal` or `cuda`.
        target_count: Linear layers that an adapter can change.
        memory_bytes: MLX memory that loading it took, measured.
        load_ms: Time it took to build and warm, in milliseconds.
        mlx_version, mflux_version: Of the libraries that it computes with.
        numerics: `exact`, as its family's own library computes, or `fast`.
        compiled: Its blocks are compiled.
    """

    variant: str
    fingerprint: str
    precision: str
    quantize: int | None
    backend: str
    target_count: int
    memory_bytes: int
    load_ms: float
    mlx_version: str
    mflux_version: str
    numerics: Numerics = "exact"
    compiled: bool = False


class CompilingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A size of picture that is compiled for now, before anybody asks for one.

    Attributes:
        variant: The base.
        width, height: Pixels.
        precision: What is computed in, such as `bfloat16`.
        number, count: Which it is of how many that this base is to be warm at, most used first.
    """

    variant: str
    width: int
    height: int
    precision: str
    number: int
    count: int


class ColdSize(msgspec.Struct, frozen=True, kw_only=True):
    """A size of picture that was to be made warm and could not be.

    Attributes:
        width, height: Pixels.
        reason: What went wrong, in the words of the error.
    """

    width: int
    height: int
    reason: str


class HeldAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter of the stack that is on a base now.

    Attributes:
        name: As its last render called it.
        sha256: As its report has it.
        scale: At which it is on; with `block_scales`, on all other layers.
        block_scales: At which it is on on some blocks, by their patterns.
    """

    name: str
    sha256: str
    scale: float
    block_scales: dict[str, float] = {}


class HeldBase(msgspec.Struct, frozen=True, kw_only=True):
    """One of the bases held.

    Attributes:
        base: What it is; `base.memory_bytes` is what it was measured to take.
        declared_bytes: What it was expected to take before it was loaded.
        stack_bytes: Of the stacks held ready for it, the one on it among them.
        prompt_bytes: Of the encoded prompts held for it.
        last_used: When it was last asked for, UTC, ISO 8601. The base with the earliest leaves first.
        adapters: The stack on it, in stack order.
        peak_bytes: The most that MLX held at once during its last render, all bases included; 0 before the first.
        highest_peak_bytes: The most of any of its renders since it was loaded.
        cold: Sizes that it could not be made warm at, until a render of one succeeds.
    """

    base: BaseInfo
    declared_bytes: int
    stack_bytes: int = 0
    prompt_bytes: int = 0
    last_used: str
    adapters: list[HeldAdapter] = []
    peak_bytes: int = 0
    highest_peak_bytes: int = 0
    cold: list[ColdSize] = []


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The memory there is and how a worker may use it.

    Attributes:
        device_bytes: What the device recommends to use, or the machine's memory where MLX computes on its CPU.
        base_bytes: What all bases together may take, with the stacks and prompts held for those that are not in use.
        memory_bytes: MLX's memory limit, a guideline: beyond it MLX gives its cache back first.
        cache_bytes: Freed memory that MLX may keep for reuse.
        wired_bytes: Memory that the system must keep resident; None where MLX has no such limit.
    """

    device_bytes: int
    base_bytes: int
    memory_bytes: int
    cache_bytes: int
    wired_bytes: int | None


class MemoryInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's memory as it was after its last load or render.

    Attributes:
        limits: What there is, and how much of it may be used.
        active_bytes: Held by arrays of MLX: bases, stacks, encoded prompts.
        cached_bytes: Freed, and kept by MLX for reuse.
        bases: The least recently used first.
        kernel_folder: Where kernels that were compiled for CUDA outlive the process; None on Metal, which keeps its
            own, and on a CPU.
        other_bytes: What the process takes of the machine's memory beside those two.
    """

    limits: Limits
    active_bytes: int
    cached_bytes: int
    bases: list[HeldBase]
    kernel_folder: str | None = None
    other_bytes: int = 0
