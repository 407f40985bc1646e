"""What the daemon and its worker say to each other over their socket pair, one JSON value a line.

Tagged unions: `Command` goes to the worker, `Event` comes back. Neither side knows more of the other than this and
`asides`, which has what no render depends on.
"""

from typing import Literal

import msgspec

from kilnmark.protocol.picture.numerics import AskedCompiling, AskedNumerics, Numerics
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec
from kilnmark.protocol.wire.asides import Noted, Previewed, ShowPreviews
from kilnmark.protocol.wire.memory import BaseInfo, CompilingInfo, MemoryInfo
from kilnmark.protocol.wire.replies import StackInfo, Timings

__all__ = [
    "STAGES",
    "Beat",
    "CancelRender",
    "Command",
    "Compiling",
    "Configure",
    "Event",
    "Exit",
    "Failed",
    "Finished",
    "Holding",
    "Left",
    "LoadFailed",
    "Loading",
    "Painted",
    "Prefetch",
    "Ready",
    "RenderCommand",
    "Stage",
    "StepSpans",
    "Stepped",
    "WarmUp",
    "decode_command",
    "decode_event",
    "encode",
]

Stage = Literal["adapters", "encode", "denoise", "decode", "save"]
StepSpans = Literal["auto", "on", "off"]
"""Which denoise steps have a span of their own: `auto`, those that are no more than 100 a minute."""

STAGES: tuple[Stage, ...] = ("adapters", "encode", "denoise", "decode", "save")


class _Tagged(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    pass


class Configure(_Tagged, frozen=True, kw_only=True, tag="configure"):
    """The first command: which base to hold at once, and which others may be asked for.

    Attributes:
        variant: A name of `bases`.
        bases: Where each variant is: a name of `catalog.VARIANTS`, or an absolute directory that mflux can load.
        base_memory: Bytes that all bases together may take; None leaves it to the worker, which knows the device.
        quantize: 3 to 8 bits; None keeps a base as it is stored.
        output_dir: Where pictures are written.
        lora_roots: Directories that adapters are read from; nothing outside them is opened.
        adapter_cache_bytes: Adapters that are held as they were read, in bytes.
        stack_cache_bytes: Stacks that are held ready to be put on the base, in bytes.
        numerics: What bases are to compute in; the worker knows what `auto` comes to.
        compiling: Whether their blocks are to be compiled where they compute in `fast`.
        sizes: For which sizes each base is to be made warm, most used first.
        picture_mode: Of the files of pictures: who may read them.
        image_roots: Directories that pictures to start from are read from; nothing outside them is opened.
        step_spans: Whether denoise steps have spans.
    """

    variant: str
    bases: dict[str, str]
    base_memory: int | None = None
    quantize: int | None
    output_dir: str
    lora_roots: list[str]
    adapter_cache_bytes: int
    stack_cache_bytes: int
    numerics: AskedNumerics = "auto"
    compiling: AskedCompiling = "auto"
    sizes: dict[str, list[PictureSize]] = {}
    picture_mode: int = 0o600
    image_roots: list[str] = []
    step_spans: StepSpans = "auto"


class RenderCommand(PictureSpec, _Tagged, frozen=True, kw_only=True, tag="render"):
    """One accepted render: its picture, every choice made, and where its stack lies.

    Paths are absolute; `lora_*` run in stack order, and `lora_block_scales` is empty where no adapter has any. The
    variant is a name of `Configure.bases`; it is loaded where it is not held. `init_image` is the file whose hash is
    `start`, and empty where there is none; `reference_images` are those of `references`. With `promoted_only` promoted
    adapters alone are let in; `lora_sha256s` is what they held then, and another file in the place of one is refused,
    whatever `on_mismatch` says. Empty: they may hold anything.
    """

    job_id: str
    tier: str | None
    lora_names: list[str]
    lora_paths: list[str]
    lora_scales: list[float]
    stack: StackInfo
    on_mismatch: Literal["error", "warn"]
    probe: bool = False
    traceparent: str | None = None
    tracestate: str | None = None
    lora_block_scales: list[dict[str, float]] = []
    init_image: str = ""
    reference_images: list[str] = []
    promoted_only: bool = False
    lora_sha256s: list[str] = []

    @property
    def pinned_loras(self) -> list[str]:
        """What each adapter has to hold; an empty hash where it may hold anything."""
        return self.lora_sha256s or ["" for _ in self.lora_paths]

    @property
    def stack_block_scales(self) -> list[dict[str, float]]:
        """Scales for some blocks, one mapping for each adapter."""
        return self.lora_block_scales or [{} for _ in self.lora_paths]

    @property
    def start_file(self) -> tuple[str, str] | None:
        """Path and content hash of the picture that it starts from; None: it starts from noise."""
        return None if self.start is msgspec.UNSET else (self.init_image, self.start)

    @property
    def reference_files(self) -> list[tuple[str, str]]:
        """The same of those that it refers to, in their order."""
        return list(zip(self.reference_images, self.references or (), strict=True))


class WarmUp(_Tagged, frozen=True, kw_only=True, tag="warm_up"):
    """Hold this base, a name of `Configure.bases`; the answer is `Ready` or `LoadFailed`.

    Attributes:
        sizes: As in `Configure`; it is ready once it is warm at the first of them.
    """

    variant: str
    sizes: list[PictureSize] = []


class CancelRender(_Tagged, frozen=True, kw_only=True, tag="cancel"):
    """Stop a render at its next denoise step."""

    job_id: str


class Prefetch(_Tagged, frozen=True, kw_only=True, tag="prefetch"):
    """What the render after this one needs: its adapters can be read, and its prompt encoded, before its turn comes.

    Attributes:
        variant: Its base; one that is not held is not loaded for it. Empty where no render waits any more.
        lora_paths: Its stack, in order; `lora_scales` has as many, and `lora_block_scales` as many or none.
        prompt: As `RenderCommand` has it; None: nothing is to be encoded.
    """

    variant: str
    lora_paths: list[str]
    lora_scales: list[float] = []
    prompt: str | None = None
    negative_prompt: str | None = None
    lora_block_scales: list[dict[str, float]] = []


class Exit(_Tagged, frozen=True, kw_only=True, tag="exit"):
    """Flush and leave; a render under way is cancelled."""


Command = Configure | RenderCommand | WarmUp | CancelRender | Prefetch | ShowPreviews | Exit


class Beat(_Tagged, frozen=True, kw_only=True, tag="beat"):
    """The process is scheduled; sent about once a second, also while MLX computes."""


class Loading(_Tagged, frozen=True, kw_only=True, tag="loading"):
    """A base is being loaded; `backend` is what it will compute on: `cpu`, `metal` or `cuda`."""

    variant: str
    backend: str = ""


class Ready(_Tagged, frozen=True, kw_only=True, tag="ready"):
    """A base is warm."""

    base: BaseInfo


class LoadFailed(_Tagged, frozen=True, kw_only=True, tag="load_failed"):
    """A base cannot be held; trying again without a change would fail again. The worker leaves if it was its first."""

    variant: str
    message: str


class Left(_Tagged, frozen=True, kw_only=True, tag="left"):
    """A base has left memory to make room; `freed_bytes` is by how much MLX's memory went down."""

    variant: str
    freed_bytes: int


class Compiling(_Tagged, frozen=True, kw_only=True, tag="compiling"):
    """A base is being made warm at one size of picture; None: it is over."""

    what: CompilingInfo | None


class Holding(_Tagged, frozen=True, kw_only=True, tag="holding"):
    """What is held now; sent after everything that changes it."""

    memory: MemoryInfo


class Stepped(_Tagged, frozen=True, kw_only=True, tag="stepped"):
    """A render has come this far: `step` of `steps` denoise steps done, now in `stage`."""

    job_id: str
    stage: Stage
    step: int
    steps: int


class Painted(_Tagged, frozen=True, kw_only=True, tag="painted"):
    """The picture is in memory and being saved: `Finished` or `Failed` will follow, and the next render may come."""

    job_id: str


class Finished(_Tagged, frozen=True, kw_only=True, tag="finished"):
    """A picture is on disk. `timings` has the worker's own parts; queue and total are the daemon's to add."""

    job_id: str
    image_path: str
    timings: Timings
    loras: list[AdapterReport]
    stack_delta_ratio: float | None = None
    warnings: list[str] = []
    numerics: Numerics = "exact"
    image_sha256: str = ""
    notice: str = ""


class Failed(_Tagged, frozen=True, kw_only=True, tag="failed"):
    """A render ended with an error of `errors.BY_CODE`; `loras` holds the reports made before it did."""

    job_id: str
    code: int
    message: str
    loras: list[AdapterReport] = []


Event = (
    Beat
    | Loading
    | Ready
    | LoadFailed
    | Left
    | Compiling
    | Holding
    | Noted
    | Stepped
    | Previewed
    | Painted
    | Finished
    | Failed
)

_encoder = msgspec.json.Encoder()
_commands: "msgspec.json.Decoder[Command]" = msgspec.json.Decoder(Command)
_events: "msgspec.json.Decoder[Event]" = msgspec.json.Decoder(Event)


def encode(message: "Command | Event") -> bytes:
    """One line, newline included."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> Command:
    """Raises msgspec.DecodeError when the line is not a command."""
    return _commands.decode(line)


def decode_event(line: bytes) -> Event:
    """Raises msgspec.DecodeError when the line is not an event."""
    return _events.decode(line)
