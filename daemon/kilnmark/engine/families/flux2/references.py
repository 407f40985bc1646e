"""Reference pictures of a FLUX.2-klein: how each is fitted, encoded and placed beside the picture that is painted.

All of it as mflux's `Flux2KleinEdit` does it, whose parts these are: a reference keeps its own size up to a megapixel,
whatever size is painted, and its tokens stand behind those of the picture, each reference at a time of its own.
"""

from collections.abc import Sequence

import mlx.core as mx
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.flux2.latent_creator.flux2_latent_creator import Flux2LatentCreator
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux2.variants.edit.flux2_klein_edit_helpers import _Flux2KleinEditHelpers
from mflux.utils.image_util import ImageUtil
from PIL import Image

from kilnmark.engine.families.family import Encoded, Pixels

__all__ = ["encoded_reference", "placed"]

_FIRST_TIME, _APART = 10, 10
"""Where references stand on the axis of time, on which the picture stands at 0."""


def encoded_reference(vae: Flux2VAE, pixels: Pixels) -> Encoded:
    """One reference as the transformer reads it, before it is packed: `(1, 128, rows, columns)`, lazily."""
    image = _Flux2KleinEditHelpers.prepare_reference_image(Image.fromarray(pixels))
    latents = VAEUtil.encode(vae=vae, image=ImageUtil.to_array(image))
    patches = Flux2LatentCreator.patchify_latents(latents)
    return (_Flux2KleinEditHelpers.bn_normalize_vae_encoded_latents(patches, vae=vae),)


def placed(references: Sequence[Encoded]) -> tuple[mx.array, mx.array] | None:
    """The tokens of all references, `(1, tokens, 128)`, and where each stands, `(1, tokens, 4)`; None without any."""
    if not references:
        return None
    tokens = [Flux2LatentCreator.pack_latents(latents) for (latents,) in references]
    places = [
        Flux2LatentCreator.prepare_grid_ids(latents, t_coord=_FIRST_TIME + _APART * number)
        for number, (latents,) in enumerate(references)
    ]
    return mx.concatenate(tokens, axis=1), mx.concatenate(places, axis=1)
