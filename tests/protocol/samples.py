"""One of each large result, for tests that need any: every figure is made up."""

from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.memory import BaseInfo, ColdSize, HeldAdapter, HeldBase, Limits, MemoryInfo
from kilnmark.protocol.wire.status import DegradedInfo, PacksInfo, StatusResult, WorkerDeath, WorkerInfo, WorkerWords

BASE = BaseInfo(
    variant="standin",
    fingerprint="f",
    precision="float32",
    quantize=None,
    backend="cpu",
    target_count=494,
    memory_bytes=1,
    load_ms=2.5,
    mlx_version="0",
    mflux_version="0",
)
MEMORY = MemoryInfo(
    limits=Limits(device_bytes=9, base_bytes=8, memory_bytes=9, cache_bytes=1, wired_bytes=None),
    active_bytes=2,
    cached_bytes=1,
    bases=[
        HeldBase(
            base=BASE,
            declared_bytes=1,
            last_used="t",
            adapters=[HeldAdapter(name="a", sha256="s", scale=0.5)],
            cold=[ColdSize(width=8, height=8, reason="why")],
        )
    ],
)
PACKS = PacksInfo(
    folder="/p",
    genres=1,
    worlds=2,
    problem_count=3,
    problems=[Problem(file="g/visual_style.yaml", line=4, entry="loras", message="is odd; mend it")],
    kept=["g/w"],
)
DEATH = WorkerDeath(
    at="t", pid=2, reason="why", words=WorkerWords(lines=["said"], lines_before=1, first_failure="an error")
)
DEGRADED = DegradedInfo(since="t", reason="why", tries=2, next_try_s=0.5)
STATUS = StatusResult(
    version="1",
    pid=1,
    uptime_s=1.0,
    state="busy",
    variant="standin",
    base=BASE,
    worker=WorkerInfo(pid=3, restarts=1, death=DEATH, degraded=DEGRADED),
    jobs=[JobInfo(job_id="j", state="queued")],
    rendered=1,
    failed=0,
    socket="/s",
    output_dir="/o",
    lora_roots=["/l"],
    variants=["standin", "dev"],
    loading="dev",
    memory=MEMORY,
    packs=PACKS,
)
