"""The engagement report: what one adapter did to one render.

Reports are made by keymaps (what the file says) and the engine (what the base felt); only their shape lives here. How
evidence becomes a verdict is `verdict`'s to know.
"""

from enum import StrEnum

import msgspec

from kilnmark.protocol.picture.beside import LayersBeside
from kilnmark.protocol.picture.block_scales import REST, BlockScale, scale_words

__all__ = ["AdapterReport", "UnmatchedKeys", "Verdict"]

SHOWN_UNMATCHED_KEYS = 20


class Verdict(StrEnum):
    """How far an adapter changed the base. Only `engaged` is healthy."""

    ENGAGED = "engaged"
    PARTIAL = "partial"
    NOOP = "noop"
    REFUSED = "refused"


class UnmatchedKeys(msgspec.Struct, frozen=True):
    """Tensors of a file that nothing is known about.

    Attributes:
        count: How many.
        first: The names of the first 20.
    """

    count: int = 0
    first: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: "list[str]") -> "UnmatchedKeys":
        """Count the names and keep the first of them."""
        return cls(count=len(names), first=tuple(names[:SHOWN_UNMATCHED_KEYS]))


class AdapterReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one adapter did to one render. It stands in the reply, on the adapter's span and in the PNG.

    Attributes:
        name: The file's name without its ending, or the name a style gave it.
        path: The file as it was opened, absolute.
        sha256: Hash of the whole file in hex, and where a config goes with it of `<file's hash> <config's hash>`; where
            its name makes more or less of it, of that too; empty when the file could not be read.
        scale: The scale the render asked for; with `block_scales`, that of all other layers.
        convention: Name of the keymap that explained the keys; empty when none did.
        kind: `lora`, `loha`, `lokr`, `dora`, `full`, `bias`, `norm`, `oft`, or several joined by `+`; empty when
            unknown.
        rank: The most that the rank of any target's update can be; 0 when unknown. Of a LoRA it is the rank that it was
            trained at. Of a LoHa it is the product of its two ranks and of a LoKr that of its factors', which says how
            much they can change, and is more than the dim that their trainer was given.
        total_key_count: Tensors in the file.
        matched_key_count: Tensors that were applied to a target.
        ignored_keys: Tensors knowingly left out, counted by reason.
        unmatched_keys: Tensors nothing is known about.
        target_count: Layers of the base that the file names.
        applied_target_count: Layers that were changed.
        delta_ratio: Frobenius norm of scale x delta over that of the base weights, over all applied targets; None
            before a base has been asked.
        probe_divergence: Norm of the difference between the noise predicted with this adapter alone and without any,
            over the norm of the latter, at a fixed small size; None where this adapter was not probed at this scale.
        effective_share: What is left of its change D in that of the whole stack, S: `<D, S> / <D, D>`, with inner
            products over all layers. 1: the others leave it alone, as when it is alone; 0: they undo it, and between
            the two a part of it; above 1: they push the same way; below 0: they push further the other way.
            Estimated to within 0.02 beside others, as are the shares below. None where it is not applied.
        stack_share: Its part in what the whole stack changes: `<D, S> / <S, S>`. Those of a stack add up to 1: the
            largest paints. None where it is not applied, and where a stack adds up to nothing.
        group_shares: The same by groups of layers, as the family's row has them, for those that it changes; empty
            where it is alone.
        undone_targets: Layers on which it and others of the stack add up to nothing.
        drowned_targets: Layers on which another of the stack changes so much more that nobody sees it; only where that
            is most of its layers.
        quantized_survival: What would be left of its change on quantized layers if it were rounded to their numbers,
            as baking does: 1 for all, 0 for nothing. It is applied beside them, whole, whatever this says; near 0 it
            is finer than what the base itself can tell apart. None on a base that is not quantized.
        usual_scale: The scale at which it would be as strong as trained adapters usually are, where it is far stronger
            than any of them at this one: a warning, whatever the verdict is. With `block_scales`, what all its scales
            are to be multiplied by. None else.
        strong_target: The one layer that it is far too strong in, where nearly all of its change is there; empty else.
        verdict: The judgement.
        reason: One sentence a person can act on.
        strength_from: How many modules of the file have their strength from where: `tensor` for an alpha tensor,
            `metadata` of the file, `config` beside it, `default` where nobody says and alpha is the rank.
        made_for: The base that the file says it is for, in its own words; empty when it says nothing.
        config_sha256: Hash of the `adapter_config.json` beside the file that goes with it, in hex; empty without one.
        block_scales: The scales that were asked for some blocks, as they were asked for, then that of the rest, each
            with how many layers of the adapter it reached; empty where one scale was asked for all.
    """

    name: str
    path: str
    sha256: str = ""
    scale: float = 1.0
    convention: str = ""
    kind: str = ""
    rank: int = 0
    total_key_count: int = 0
    matched_key_count: int = 0
    ignored_keys: dict[str, int] = {}
    unmatched_keys: UnmatchedKeys = UnmatchedKeys()
    target_count: int = 0
    applied_target_count: int = 0
    delta_ratio: float | None = None
    probe_divergence: float | None = None
    effective_share: float | None = None
    stack_share: float | None = None
    group_shares: dict[str, float] = {}
    undone_targets: LayersBeside = LayersBeside()
    drowned_targets: LayersBeside = LayersBeside()
    quantized_survival: float | None = None
    usual_scale: float | None = None
    strong_target: str = ""
    verdict: Verdict
    reason: str

    @property
    def is_in_doubt(self) -> bool:
        """There is more to be said of it than that it engaged."""
        beside = self.undone_targets.count or self.drowned_targets.count
        return self.verdict is not Verdict.ENGAGED or self.usual_scale is not None or bool(beside)

    strength_from: dict[str, int] = {}
    made_for: str = ""
    config_sha256: str = ""
    block_scales: tuple[BlockScale, ...] = ()

    @property
    def asked_blocks(self) -> dict[str, float]:
        """The scales that were asked for some blocks, by their patterns."""
        return {each.blocks: each.scale for each in self.block_scales if each.blocks != REST}

    @property
    def scale_words(self) -> str:
        """Its scales, for people."""
        return scale_words(self.scale, self.asked_blocks.items())
