"""Encoded prompts, kept while there is room: mflux's own cache never forgets, this one does.

What goes in is evaluated at once, so that a render cancelled half way leaves nothing lazy behind for the next. A prompt
encoded while adapters are on the text encoders is another one than the same prompt without them.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable

import mlx.core as mx

__all__ = ["PROMPT_CACHE_BYTES", "Embeddings", "PromptCache"]

Embeddings = tuple[mx.array, mx.array]

PROMPT_CACHE_BYTES = 256 << 20
"""About thirty prompts of FLUX.1-dev at float32 (8 MB each), sixty at bf16."""


class PromptCache:
    """A least-recently-used mapping of prompt to (T5 embeddings, pooled CLIP embedding), bounded in bytes.

    mflux uses it through `in`, `[]` and `[] =`, as it would its own dict.

    Args:
        encoders: Tells what is on the text encoders now; a prompt is found only under what it was encoded with.
        limit: In bytes.
    """

    def __init__(self, encoders: Callable[[], Hashable], limit: int = PROMPT_CACHE_BYTES) -> None:
        self._encoders = encoders
        self._limit = limit
        self._held: OrderedDict[Hashable, Embeddings] = OrderedDict()
        self.nbytes = 0

    def __contains__(self, prompt: str) -> bool:
        return self._key(prompt) in self._held

    def __len__(self) -> int:
        return len(self._held)

    def __getitem__(self, prompt: str) -> Embeddings:
        key = self._key(prompt)
        self._held.move_to_end(key)
        return self._held[key]

    def __setitem__(self, prompt: str, embeddings: Embeddings) -> None:
        mx.eval(*embeddings)
        key = self._key(prompt)
        if key in self._held:
            self.nbytes -= _nbytes(self._held.pop(key))
        self._held[key] = embeddings
        self.nbytes += _nbytes(embeddings)
        while self.nbytes > self._limit and len(self._held) > 1:
            _, dropped = self._held.popitem(last=False)
            self.nbytes -= _nbytes(dropped)

    def clear(self) -> None:
        """Forget them all."""
        self._held.clear()
        self.nbytes = 0

    def _key(self, prompt: str) -> Hashable:
        return prompt, self._encoders()


def _nbytes(embeddings: Embeddings) -> int:
    return sum(array.nbytes for array in embeddings)
