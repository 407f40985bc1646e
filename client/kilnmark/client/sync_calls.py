"""One call of the blocking client, however often it has to be sent until its daemon answers it.

What a client can ask is written in `sync`, and what waits for a socket in `sync_link`. Made from `aio_calls` by
`scripts/make_sync.py`: change that module, then run `make sync`.
"""

from collections.abc import Generator
from contextlib import closing
from typing import TypeVar, cast

import msgspec

from kilnmark.client.attempts import Uncancelled
from kilnmark.client.connection import NONE, Answered, Progressed, Watched
from kilnmark.client.dial import AtItsPlace
from kilnmark.client.errors import ConnectionLost
from kilnmark.client.request import checked
from kilnmark.client.sync_link import BlockingLinks
from kilnmark.client.timeouts import Patience, Timeouts
from kilnmark.client.tracing import Carrier
from kilnmark.protocol.wire.errors import Draining, NoWorker
from kilnmark.protocol.wire.methods import WireMethod

__all__ = ["BlockingCalls"]

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


class BlockingCalls(AtItsPlace):
    """A client, as far as its calls go; what they need is its own to make."""

    _timeouts: Timeouts
    _links: BlockingLinks
    _uncancelled: Uncancelled

    def _ask(self, method: WireMethod[P, R], params: P) -> R:
        exchange = self._exchange(method, checked(params), self._timeouts.for_call(method), Carrier())
        with closing(exchange):
            for event in exchange:
                last = event
        return cast("R", cast("Answered", last).result)

    def _exchange(
        self, method: WireMethod[P, R], params: P, patience: Patience, carrier: Carrier
    ) -> Generator[Progressed | Watched | Answered]:
        """The call's progress, then its answer as the last item; asked again by a daemon that is back."""
        with self._uncancelled.noting(method, params, self._timeouts.away) as attempts:
            while True:
                link, request = self._links.connected(patience), NONE
                try:
                    request = attempts.sent(link.begin(method, attempts.params, patience, carrier))
                    while True:
                        event = link.next_event(request, patience)
                        if attempts.is_news(event):
                            yield event
                        if isinstance(event, Answered):
                            return
                except (ConnectionLost, Draining, NoWorker) as error:
                    pause = attempts.pause(error, was_left=link.was_left)
                except BaseException as error:
                    attempts.is_left = not link.give_up(method, request, error)
                    raise
                finally:
                    link.end(request)
                self._links.rest(patience, pause)
