"""From latents to pixels, by mflux's VAE. What is saved, and when it is computed, is not decided here."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

import mlx.core as mx
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.flux.model.flux_vae.vae import VAE

from kilnmark.engine.families.pixels import pixels_of
from kilnmark.engine.families.traces import TRACES, recent

__all__ = ["FastDecoding", "decoded"]


def decoded(vae: VAE, latents: mx.array) -> mx.array:
    """The pixels of latents `(1, 16, height / 8, width / 8)`: `(height, width, 3)` in uint8, lazily."""
    return pixels_of(VAEUtil.decode(vae=vae, latent=latents))


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
        self._vae = vae
        self._dtype = dtype
        self._is_compiled = compiled
        self._compiled: OrderedDict[Hashable, Callable[[mx.array], mx.array]] = OrderedDict()

    def __call__(self, latents: mx.array) -> mx.array:
        """As `decoded`."""
        latents = latents.astype(self._dtype)
        if not self._is_compiled:
            return decoded(self._vae, latents)
        return recent(self._compiled, latents.shape, TRACES, self._to_trace)(latents)

    def _to_trace(self) -> Callable[[mx.array], mx.array]:
        run: Callable[[mx.array], mx.array] = mx.compile(self._run, inputs=self._vae.decoder.state)
        return run

    def _run(self, latents: mx.array) -> mx.array:
        self.traces += 1
        return decoded(self._vae, latents)
