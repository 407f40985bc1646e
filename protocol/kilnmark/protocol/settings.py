"""What a daemon is told at its start: one frozen model, and how people say each field of it.

From it are made the options of `kilnmark serve` with their help and defaults, the variables, the keys of a
configuration file and `kilnmark config`; the daemon is handed it as one JSON document. Where values come from and how
their text is read is the command line's part. It needs pydantic, which the light client imports for these two commands
alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from kilnmark.protocol.observed import ObservedSettings
from kilnmark.protocol.picture.catalog import STANDIN, VARIANTS
from kilnmark.protocol.picture.draft import Drafting
from kilnmark.protocol.picture.numerics import AskedCompiling, AskedNumerics
from kilnmark.protocol.served_bases import Bases, Bits, known_variant, quantizable
from kilnmark.protocol.told import (
    AbsolutePath,
    Access,
    Hosts,
    Keep,
    Kind,
    Patience,
    Pausing,
    Promoted,
    Seconds,
    Size,
    Told,
)
from kilnmark.protocol.wire.framing import FRAME_LIMIT
from kilnmark.protocol.wire.work import Configure

__all__ = ["Kind", "Settings", "Told"]


class _OwnSettings(BaseModel):
    """All but what `observed` has. The first sentence of each field is its option's help."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    socket: Annotated[AbsolutePath, Told("--socket", "path", "PATH", "one in your runtime folder")]
    """Where to listen. Its directory is made with mode 0700 when it is absent."""

    bases: Annotated[
        Bases | None,
        Told(
            "--base",
            "bases",
            "NAME|DIR|NAME=DIR",
            "every variant where --variant is one that mflux fetches, else standin only",
        ),
    ] = None
    """Let requests name this base too. Where each is: an absolute directory, the standin of such a model, or a name of
    `catalog.VARIANTS` as its own place. None allows all of those names where `variant` is one that mflux fetches, since
    mflux may fetch then, and no other base where it is not."""

    variant: Annotated[str, Told("--variant", "base", "NAME|DIR")] = STANDIN
    """The base to hold from the start: a variant, a name of --base, or a directory that mflux can load."""

    base_memory: Annotated[
        Annotated[int, Field(ge=1)] | None, Told("--base-memory", "size", "SIZE", "85% of the device's memory")
    ] = None
    """What all bases together may take, such as 24GB. The least recently used leave before another is loaded. None: 85%
    of what the device recommends to use (Metal, CUDA), or of the machine's memory (CPU)."""

    quantize: Annotated[Bits, Told("--quantize", "bits", "3|4|5|6|8", "as the base is stored")] = None
    """Bits of the base's linear layers. The standin's are thin already and stay. None keeps them as they are stored."""

    numerics: Annotated[AskedNumerics, Told("--numerics", "word", "auto|exact|fast")] = "auto"
    """How bases compute. `exact` is bit for bit what the family's own library computes; `fast` keeps the stream in the
    base's compute type, for the speed of a GPU. `auto` is `fast` on a GPU, for families that have it, and
    `exact` on a CPU. A base that cannot compute as asked is refused."""

    compile: Annotated[AskedCompiling, Told("--compile", "word", "auto|on|off")] = "auto"
    """Whether the blocks of `fast` are compiled. `auto` measures at the load of a base, in under two seconds, whether
    compiled blocks are quicker on this machine. `exact` is never compiled."""

    drafts: Annotated[Drafting, Told("--drafts", "word", "auto|always|never")] = "auto"
    """When renders that do not say are drafts, small and of few steps. `auto`: on stand-ins, and on a CPU, save for
    bases that are small, such as `mini`. A draft caps what a request leaves open, by its tier's `draft`, and is told to
    be one."""

    output_dir: Annotated[
        AbsolutePath, Told("--output-dir", "path", "DIR", "pictures, in your data folder for kilnmark")
    ]
    """Where pictures are written. Made when it is absent."""

    picture_access: Annotated[Access, Told("--picture-access", "word", "owner|group|all")] = "owner"
    """Who may read pictures. A folder that is made for them is as open as they are; one that is there stays so."""

    pictures_kept_for: Annotated[float, Field(ge=0, le=4e9), Told("--pictures-kept-for", "seconds", "SECONDS")] = 0.0
    """Age at which the daemon's pictures are removed; 0: never. None is within an hour, nor while a job needs it."""

    pictures_bytes: Annotated[Size, Told("--pictures-bytes", "size", "SIZE")] = 0
    """Size of the output folder beyond which the oldest are removed, alike; 0: any. Second names count nothing."""

    lora_roots: Annotated[
        tuple[AbsolutePath, ...],
        Told("--lora-root", "folders", "DIR", "here, and loras in your data folder for kilnmark"),
    ] = ()
    """Read adapters below this folder only. Nothing outside them is opened. Empty: no adapter is. A daemon that is
    started in `/` does not read from there unless it is told so."""

    image_roots: Annotated[
        tuple[AbsolutePath, ...],
        Told("--image-root", "folders", "DIR", "pictures that are made here, and those of packs"),
    ] = ()
    """Read pictures that others start from below this folder, too. Nothing outside them, the output folder and the
    packs is opened."""

    notify_hosts: Annotated[Hosts, Told("--notify-host", "hosts", "HOST[:PORT]", "none")] = ()
    """Let requests have their end told at addresses of this host (`notify_url`). It counts as it is written, not as it
    resolves, and nothing below it is meant; without a port the scheme's own is. `kilnmark web` tells them."""

    inline_bytes: Annotated[int, Field(ge=0, le=1 << 30), Told("--inline-image", "size", "SIZE")] = 512 << 10
    """Largest picture that a request may bring within itself. In base64 it is a third longer, and all of them together
    have to fit into one line of --line-bytes. 0: none may."""

    packs: Annotated[AbsolutePath | None, Told("--packs", "folder", "DIR", "none")] = None
    """Content packs that renders may name by --genre and --world; their adapters are read too. None: no render can name
    a genre."""

    require_promoted: Annotated[Promoted, Told("--require-promoted", "word", "packs|all")] = "packs"
    """Which renders get promoted adapters only, by the `loras.yaml` of genres. `packs`: those of genres and tiers that
    say `require_promoted: true`. `all`: every one, by paths too, whose adapters any genre may have promoted."""

    journal: Annotated[
        AbsolutePath | None, Told("--journal", "path", "PATH", "one for each socket, in your state folder for kilnmark")
    ] = None
    """Where accepted renders are kept, so that they outlive the daemon. Made with mode 0600 when it is absent. None:
    they end with the daemon."""

    jobs_kept: Annotated[int, Field(ge=1, le=100_000), Told("--jobs-kept", "count", "N")] = 1000
    """Ended jobs that are remembered; the oldest are forgotten first. Their pictures stay."""

    jobs_kept_for: Annotated[Keep, Told("--jobs-kept-for", "seconds", "SECONDS")] = 604_800.0
    """How long an ended job is remembered at most."""

    drain_timeout: Annotated[Patience, Told("--drain-timeout", "seconds", "SECONDS")] = 30.0
    """How long accepted renders are painted on after SIGTERM. The rest is kept for the next start."""

    return_timeout: Annotated[Patience, Told("--return-timeout", "seconds", "SECONDS")] = 60.0
    """How long after a start callers may take to come back who were lost with the last daemon; 0: none may. Until then
    what they alone want is not painted, and after that it is given up. A render whose caller chose its `job_id` needs
    nobody."""

    queue_limit: Annotated[int, Field(ge=1, le=100_000), Told("--queue-limit", "count", "N")] = 1000
    """Renders that may wait; one more is refused. Its error is -32001."""

    batch_delay: Annotated[Patience, Told("--batch-delay", "seconds", "SECONDS")] = 30.0
    """How long renders of the stack that is on the base may go before older ones; 0 for never. Counted from the first
    that goes before the eldest of its priority. 0: every render has its turn by age, whatever the switches cost."""

    ageing: Annotated[Patience, Told("--ageing", "seconds", "SECONDS")] = 300.0
    """Waiting after which a render counts as one priority higher; 0 for never. After as many seconds again it counts as
    two, so that a low one is painted however many high ones come."""

    pause_on_battery: Annotated[Pausing, Told("--pause-on-battery", "word", "none|low|all")] = "none"
    """Which priorities are not begun while the machine runs on its battery. What is under way is painted to its end;
    the rest waits, and `status` says why."""

    pause_when_hot: Annotated[Pausing, Told("--pause-when-hot", "word", "none|low|all")] = "none"
    """Which priorities are not begun while the machine slows itself down to cool, and for a minute after. Told by the
    trip points of Linux and by the warnings and limits of macOS, not by the temperature of a card."""

    cache_bytes: Annotated[Size, Told("--picture-cache", "size", "SIZE")] = 2 << 30
    """Pictures that may be the answer to an equal request again; 0 for none. Beyond it the longest unused are
    forgotten, never deleted."""

    adapter_cache_bytes: Annotated[Size, Told("--adapter-cache", "size", "SIZE")] = 2 << 30
    """Adapters to hold as they were read. Beyond it the longest unused leave."""

    stack_cache_bytes: Annotated[Size, Told("--stack-cache", "size", "SIZE")] = 2 << 30
    """Stacks that each base holds ready to be put on again. Beyond it the longest unused leave."""

    beat_timeout: Annotated[Seconds, Told("--beat-timeout", "seconds", "SECONDS")] = 30.0
    """Silence after which the worker counts as hung and is killed."""

    step_timeout: Annotated[Seconds, Told("--step-timeout", "seconds", "SECONDS")] = 600.0
    """Time without progress in a render after which the worker counts as hung and is killed. Once the worker has
    painted steps of that size on that base it is 10 times as long as those usually take, and at least 30 seconds if
    this is not less; the first step of a render may take 4 times as long as that."""

    load_timeout: Annotated[Seconds, Told("--load-timeout", "seconds", "SECONDS")] = 1800.0
    """How long the worker may take to make a base warm."""

    restart_delay_max: Annotated[Seconds, Told("--restart-delay-max", "seconds", "SECONDS")] = 30.0
    """Longest pause before a lost worker is started again. The first is 0.2 seconds, and each doubles."""

    degraded_delay_max: Annotated[Seconds, Told("--degraded-delay-max", "seconds", "SECONDS")] = 300.0
    """Longest pause between tries while no worker gets ready. The first is 5 seconds, and each doubles; `warm_up` tries
    at once."""

    keep_failed: Annotated[bool, Told("--keep-failed", "flag", "")] = False
    """Stay where the first base cannot be held. `status` says why then, and it is tried again; otherwise the daemon
    ends with the reason and exit status 1. A service stays unless a file of settings or a variable says `false`."""

    recycle_renders: Annotated[int, Field(ge=0), Told("--recycle-renders", "count", "N")] = 0
    """Renders after which another worker takes over; 0 for never. It is replaced between two renders, and the next one
    waits until the base is warm again."""

    recycle_growth: Annotated[Size, Told("--recycle-growth", "size", "SIZE")] = 8 << 30
    """Growth of the worker's memory, beside bases and pictures, after which another takes over; 0 for never. Adapters
    that it holds as they were read count: keep it well above --adapter-cache."""

    heartbeat_interval: Annotated[Seconds, Field(le=5), Told("--heartbeat-interval", "seconds", "SECONDS")] = 2.5
    """Time between the heartbeats of a request that asked for them."""

    connection_limit: Annotated[int, Field(ge=1, le=100_000), Told("--connection-limit", "count", "N")] = 256
    """Clients that may be connected at once. One more is told so and hung up on."""

    request_limit: Annotated[int, Field(ge=1, le=100_000), Told("--request-limit", "count", "N")] = 1000
    """Requests that may be under way on one connection; one more is refused. Its error is -32001."""

    line_bytes: Annotated[int, Field(ge=1 << 16, le=1 << 30), Told("--line-bytes", "size", "SIZE")] = FRAME_LIMIT
    """Longest line that is taken from a client. A longer one is thrown away, and its connection stays."""

    line_timeout: Annotated[Seconds, Told("--line-timeout", "seconds", "SECONDS")] = 30.0
    """How long a line may be under way. A client that is slower is told so and hung up on."""

    unread_bytes: Annotated[int, Field(ge=1 << 16, le=1 << 30), Told("--unread-bytes", "size", "SIZE")] = 1 << 20
    """What a client may leave unread before it is asked for nothing more. Its other requests wait meanwhile."""

    unread_timeout: Annotated[Seconds, Told("--unread-timeout", "seconds", "SECONDS")] = 10.0
    """How long a client may then read nothing at all before it is hung up on."""

    quiet_flush: Annotated[Seconds, Told("--quiet-flush", "seconds", "SECONDS")] = 0.05
    """Silence after which a complete JSON value is taken without its newline."""

    @field_validator("variant")
    @classmethod
    def _known_variant(cls, variant: str, info: ValidationInfo) -> str:
        return known_variant(variant, info.data.get("bases") or {})

    @field_validator("quantize")
    @classmethod
    def _quantizable(cls, quantize: Bits, info: ValidationInfo) -> Bits:
        return quantizable(quantize, info.data.get("variant", ""), info.data.get("bases") or {})

    @field_validator("require_promoted")
    @classmethod
    def _with_packs(cls, asked: Promoted, info: ValidationInfo) -> Promoted:
        if asked == "all" and info.data.get("packs") is None:
            problem = "nothing is promoted without packs, so that every adapter would be refused; give packs too"
            raise ValueError(problem)
        return asked

    @property
    def variants(self) -> Mapping[str, str]:
        """Every base that a request may name, and where it is: `Configure.bases`."""
        named = self.bases
        if named is None:
            fetched = [name for name, row in VARIANTS.items() if not row.made_up]
            may_fetch = self.variant in fetched and not VARIANTS[self.variant].shipped
            named = {name: name for name in fetched} if may_fetch else {}
        return {self.variant: self.variant, STANDIN: STANDIN, **named}

    @property
    def picture_mode(self) -> int:
        """Of a picture's file."""
        return {"owner": 0o600, "group": 0o640, "all": 0o644}[self.picture_access]

    @property
    def adapter_roots(self) -> tuple[Path, ...]:
        """Everywhere that adapters are read from."""
        return self.lora_roots if self.packs is None else (*self.lora_roots, self.packs)

    @property
    def picture_roots(self) -> tuple[Path, ...]:
        """Everywhere that pictures are read from which others start from."""
        packs = () if self.packs is None else (self.packs,)
        return (*self.image_roots, *packs, self.output_dir)


class Settings(ObservedSettings, _OwnSettings):
    """Everything one daemon is told at its start."""

    def worker_configuration(self) -> Configure:
        """What a worker is told of these settings."""
        return Configure(
            variant=self.variant,
            bases=dict(self.variants),
            base_memory=self.base_memory,
            quantize=self.quantize,
            output_dir=str(self.output_dir),
            picture_mode=self.picture_mode,
            lora_roots=[str(root) for root in self.adapter_roots],
            image_roots=[str(root) for root in self.picture_roots],
            adapter_cache_bytes=self.adapter_cache_bytes,
            stack_cache_bytes=self.stack_cache_bytes,
            numerics=self.numerics,
            compiling=self.compile,
            step_spans=self.step_spans,
        )
