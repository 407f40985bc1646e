"""Encoded prompts, kept while there is room: mflux's own cache never forgets, this one does.

What goes in is evaluated at once, so that a render cancelled half way leaves nothing lazy behind for the next.
"""

from collections import OrderedDict

import mlx.core as mx

__all__ = ["PROMPT_CACHE_BYTES", "Embeddings", "PromptCache"]

Embeddings = tuple[mx.array, mx.array]

PROMPT_CACHE_BYTES = 256 << 20
"""About thirty prompts of FLUX.1-dev at float32 (8 MB each), sixty at bf16."""


class PromptCache:
    """A least-recently-used mapping of prompt to (T5 embeddings, pooled CLIP embedding), bounded in bytes.

    mflux uses it through `in`, `[]` and `[] =`, as it would its own dict.
    """

    def __init__(self, limit: int = PROMPT_CACHE_BYTES) -> None:
        self._limit = limit
        self._held: OrderedDict[str, Embeddings] = OrderedDict()
        self.nbytes = 0

    def __contains__(self, prompt: str) -> bool:
        return prompt in self._held

    def __len__(self) -> int:
        return len(self._held)

    def __getitem__(self, prompt: str) -> Embeddings:
        self._held.move_to_end(prompt)
        return self._held[prompt]

    def __setitem__(self, prompt: str, embeddings: Embeddings) -> None:
        mx.eval(*embeddings)
        if prompt in self._held:
            self.nbytes -= _nbytes(self._held.pop(prompt))
        self._held[prompt] = embeddings
        self.nbytes += _nbytes(embeddings)
        while self.nbytes > self._limit and len(self._held) > 1:
            _, dropped = self._held.popitem(last=False)
            self.nbytes -= _nbytes(dropped)


def _nbytes(embeddings: Embeddings) -> int:
    return sum(array.nbytes for array in embeddings)
