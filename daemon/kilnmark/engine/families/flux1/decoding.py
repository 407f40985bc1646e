"""From latents to pixels, by mflux's VAE. What is saved, and when it is computed, is not decided here."""

from collections.abc import Callable

import mlx.core as mx
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.flux.model.flux_vae.vae import VAE

__all__ = ["FastDecoding", "decoded"]


def decoded(vae: VAE, latents: mx.array) -> mx.array:
    """The pixels of latents `(1, 16, height / 8, width / 8)`: `(height, width, 3)` in uint8, lazily.

    Rounded as mflux rounds them, half to even in float32, but where the picture was computed.
    """
    colours = VAEUtil.decode(vae=vae, latent=latents)
    shown = mx.clip(colours / 2 + 0.5, 0, 1)[0].transpose(1, 2, 0).astype(mx.float32)
    return mx.round(shown * 255).astype(mx.uint8)


class FastDecoding:
    """The same in the type that the base computes in: latents are float32, and would make the VAE compute so.

    Args:
        vae: mflux's own. Compiled, its weights are what the trace is given, so that it holds none of them.
        dtype: What is computed in.
        compiled: Whether to compile; there is one trace for each size of latents.

    Attributes:
        traces: So far.
    """

    def __init__(self, vae: VAE, dtype: mx.Dtype, *, compiled: bool) -> None:
        self.traces = 0
        self._dtype = dtype
        self._run: Callable[[mx.array], mx.array] = lambda latents: decoded(vae, latents)
        if compiled:
            self._run = mx.compile(self._traced(vae), inputs=vae.decoder.state)

    def __call__(self, latents: mx.array) -> mx.array:
        """As `decoded`."""
        return self._run(latents.astype(self._dtype))

    def _traced(self, vae: VAE) -> Callable[[mx.array], mx.array]:
        def run(latents: mx.array) -> mx.array:
            self.traces += 1
            return decoded(vae, latents)

        return run
