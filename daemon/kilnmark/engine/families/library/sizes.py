"""Widths that several models are told by, of the tensors of a directory."""

from kilnmark.engine.families.stored import StoredShapes

__all__ = ["decoder_widths", "stage_widths"]


def decoder_widths(vae: StoredShapes) -> tuple[int, ...]:
    """Channels of the stages of a VAE's decoder, the last first, as mflux's `Flux2VAE` takes them; raises as below."""
    return stage_widths(vae, "decoder.up_blocks.")[::-1]


def stage_widths(vae: StoredShapes, blocks: str) -> tuple[int, ...]:
    """Channels of the stages of one half of a VAE, from the first on.

    Args:
        vae: Its folder's tensors.
        blocks: What stands before a stage's number.

    Raises:
        BaseUnavailable: A tensor that tells one is missing, or stages are.
    """
    return tuple(vae.rows(f"{blocks}{stage}.resnets.0.conv1.weight") for stage in range(vae.count(blocks)))
