"""One forward pass of a base's transformer: the cheapest way to see whether two bases paint alike."""

import mlx.core as mx
import numpy as np
from mflux.models.common.config.config import Config
from mflux.models.flux.model.flux_text_encoder.prompt_encoder import PromptEncoder
from mflux.models.flux.variants.txt2img.flux import Flux1
from numpy.typing import NDArray

from tests.engine.arrays import as_numpy


def noise(flux: Flux1, prompt: str = "kiln", seed: int = 1) -> NDArray[np.float32]:
    """The noise predicted at 32 px for the first of two steps, `(1, 4, 64)`."""
    config = Config(model_config=flux.model_config, num_inference_steps=2, height=32, width=32, guidance=3.5)
    embeds, pooled = PromptEncoder.encode_prompt(
        prompt=prompt,
        prompt_cache={},
        t5_tokenizer=flux.tokenizers["t5"],
        clip_tokenizer=flux.tokenizers["clip"],
        t5_text_encoder=flux.t5_text_encoder,
        clip_text_encoder=flux.clip_text_encoder,
    )
    latents = mx.random.normal((1, 4, 64), key=mx.random.key(seed))
    predicted = flux.transformer(
        t=0, config=config, hidden_states=latents, prompt_embeds=embeds, pooled_prompt_embeds=pooled
    )
    return as_numpy(predicted)
