"""What a worker holds in memory, in words: a line for each base, what may be asked for besides, and the limits.

Lines only; `tables` puts them on a page.
"""

from kilnmark.protocol.picture.block_scales import scale_words
from kilnmark.protocol.wire.memory import BaseInfo, ColdSize, CompilingInfo, HeldBase, MemoryInfo
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["base_rows", "base_words"]


def base_rows(status: StatusResult) -> list[tuple[str, str]]:
    """A name and its words for each line: the bases that are held, the last used first, then what could be."""
    held = status.memory.bases if status.memory is not None else []
    rows = [("base", _held(each)) for each in reversed(held)] or [("base", f"{status.variant}, not held")]
    if status.loading is not None:
        rows.append(("loading", status.loading))
    if status.compiling is not None:
        rows.append(("compiling", _compiling(status.compiling)))
    rows += [("not warm", _cold(each.base.variant, size)) for each in reversed(held) for size in each.cold]
    named = {each.base.variant for each in held}
    if others := [name for name in status.variants if name not in named]:
        rows.append(("on request", ", ".join(others)))
    if status.memory is not None:
        rows.append(("memory", _memory(status.memory)))
        if status.memory.kernel_folder is not None:
            rows.append(("kernels", status.memory.kernel_folder))
    return rows


def base_words(base: BaseInfo) -> str:
    """One base: what it is, what it takes, and how long it took to load."""
    bits = f", {base.quantize} bits" if base.quantize else ""
    compiled = ", compiled" if base.compiled else ""
    return (
        f"{base.variant} ({base.precision}{bits} on {base.backend}, {base.numerics}{compiled}), "
        f"{base.target_count} targets, {_mib(base.memory_bytes)}, loaded in {base.load_ms / 1000:.1f} s"
    )


def _held(held: HeldBase) -> str:
    words = [base_words(held.base), f"declared {_mib(held.declared_bytes)}"]
    if ready := held.stack_bytes + held.prompt_bytes:
        words.append(f"{_mib(ready)} of stacks and prompts held ready")
    if held.peak_bytes:
        words.append(
            f"at most {_mib(held.peak_bytes)} in use by its last render, {_mib(held.highest_peak_bytes)} by any"
        )
    words.append(f"last used {held.last_used}")
    words += [f"with {each.name} at {scale_words(each.scale, each.block_scales.items())}" for each in held.adapters]
    return ", ".join(words)


def _compiling(what: CompilingInfo) -> str:
    precision = what.precision.replace("bfloat", "bf")
    return f"{what.variant} {what.width}x{what.height} {precision}, {what.number} of {what.count}"


def _cold(variant: str, size: ColdSize) -> str:
    return f"{variant} {size.width}x{size.height}: {size.reason}"


def _memory(memory: MemoryInfo) -> str:
    limits, held = memory.limits, sum(each.base.memory_bytes for each in memory.bases)
    words = [
        f"bases {_mib(held)} of {_mib(limits.base_bytes)}",
        f"in use {_mib(memory.active_bytes)} of {_mib(limits.memory_bytes)}",
        f"cached {_mib(memory.cached_bytes)} of {_mib(limits.cache_bytes)}",
    ]
    if limits.wired_bytes is not None:
        words.append(f"wired up to {_mib(limits.wired_bytes)}")
    return "; ".join(words)


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
