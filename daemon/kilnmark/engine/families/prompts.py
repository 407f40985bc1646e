"""Encoded prompts, kept while there is room.

What goes in is evaluated at once, so that a render cancelled half way leaves nothing lazy behind for the next; but one
prompt may be on its way, encoded before anybody asks for it. A prompt encoded while adapters are on the text encoders
is another one than the same prompt without them.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable

import mlx.core as mx

from kilnmark.engine.families.family import Encoded

__all__ = ["PROMPT_CACHE_BYTES", "PromptCache"]

log = logging.getLogger(__name__)

PROMPT_CACHE_BYTES = 256 << 20
"""About thirty prompts of FLUX.1-dev at float32 (8 MB each), sixty at bf16."""


class PromptCache:
    """A least-recently-used mapping of what was asked for to what it was encoded as, bounded in bytes.

    Args:
        encoders: Tells what is on the text encoders now; a prompt is found only under what it was encoded with.
        limit: In bytes.

    Attributes:
        nbytes: Held now.
        hits, misses: Times that a prompt was there when a render asked for it, and that it had to be encoded.
    """

    def __init__(self, encoders: Callable[[], Hashable], limit: int = PROMPT_CACHE_BYTES) -> None:
        self._encoders = encoders
        self._limit = limit
        self._held: OrderedDict[Hashable, Encoded] = OrderedDict()
        self._coming: tuple[Hashable, Encoded] | None = None
        self.nbytes = 0
        self.hits = self.misses = 0

    def __contains__(self, prompt: Hashable) -> bool:
        key = self._key(prompt)
        return key in self._held or self._is_coming(key)

    def __len__(self) -> int:
        return len(self._held)

    def __getitem__(self, prompt: Hashable) -> Encoded:
        key = self._key(prompt)
        if self._is_coming(key):
            self._arrive()
        self._held.move_to_end(key)
        return self._held[key]

    def __setitem__(self, prompt: Hashable, encoded: Encoded) -> None:
        self._hold(self._key(prompt), encoded)

    def expect(self, prompt: Hashable, encoded: Encoded) -> None:
        """Somebody will ask for this. It is not computed yet, and whoever asks for it waits until it is.

        That it cannot be computed is told to whoever asks for it, who may try again.
        """
        try:
            self._arrive()
        except Exception:  # whatever MLX raises; nobody asked for what was expected before
            log.exception("a prompt that was encoded ahead came to nothing")
        self._coming = self._key(prompt), encoded

    def begin(self) -> None:
        """Have the device compute what is expected, and do not wait for it."""
        if self._coming is not None:
            mx.async_eval(*self._coming[1])

    def _is_coming(self, key: Hashable) -> bool:
        return self._coming is not None and self._coming[0] == key

    def _arrive(self) -> None:
        coming, self._coming = self._coming, None
        if coming is not None:
            self._hold(*coming)

    def _hold(self, key: Hashable, encoded: Encoded) -> None:
        mx.eval(*encoded)
        if key in self._held:
            self.nbytes -= _nbytes(self._held.pop(key))
        self._held[key] = encoded
        self.nbytes += _nbytes(encoded)
        while self.nbytes > self._limit and len(self._held) > 1:
            _, dropped = self._held.popitem(last=False)
            self.nbytes -= _nbytes(dropped)

    def clear(self) -> None:
        """Forget them all."""
        self._held.clear()
        self._coming = None
        self.nbytes = 0

    def _key(self, prompt: Hashable) -> Hashable:
        return prompt, self._encoders()


def _nbytes(encoded: Encoded) -> int:
    return sum(array.nbytes for array in encoded)
