"""From latents to pixels, by mflux's VAE. What is saved, and when it is computed, is not decided here."""

import mlx.core as mx
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.flux.model.flux_vae.vae import VAE

__all__ = ["decoded"]


def decoded(vae: VAE, latents: mx.array) -> mx.array:
    """The pixels of latents `(1, 16, height / 8, width / 8)`: `(height, width, 3)` in uint8, lazily.

    Rounded as mflux rounds them, half to even in float32, but where the picture was computed.
    """
    colours = VAEUtil.decode(vae=vae, latent=latents)
    shown = mx.clip(colours / 2 + 0.5, 0, 1)[0].transpose(1, 2, 0).astype(mx.float32)
    return mx.round(shown * 255).astype(mx.uint8)
