"""From a call to its reply: the method is looked up, its parameters decoded, and whatever happens becomes one reply.

What the methods do is written in `methods`; sockets and framing are not known here.
"""

import logging
import time

from kilnmark.daemon.measuring import Measuring
from kilnmark.daemon.methods import Method
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.daemon.wire.refused import RefusedRequests
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.errors import InternalError, RequestError, UnknownMethod

__all__ = ["Dispatch"]

_log = logging.getLogger(__name__)


class Dispatch:
    """Answers calls by a table of methods.

    Attributes:
        refused: Told of those that were refused.
    """

    def __init__(self, table: dict[str, Method], measuring: Measuring | None = None) -> None:
        self._table = table
        self._measuring = measuring or Measuring()
        self.refused = RefusedRequests(self._measuring.refused)

    async def answer(self, exchange: Exchange) -> bytes:
        """The reply to a call, as JSON. Only being cancelled is raised."""
        call, began = exchange.call, time.monotonic()
        id_, failure = call.id or b"null", None
        try:
            return jsonrpc.result(id_, await self._run(exchange))
        except RequestError as error:
            failure = error
            self.refused.tell(call.method, error, exchange.asked_by)
            return jsonrpc.failure(id_, error)
        except Exception:  # noqa: BLE001 - a defect ends one request, never the connection
            _log.exception("method %.200r met a defect", call.method)
            failure = InternalError("the daemon met a defect of its own; its log has the traceback")
            return jsonrpc.failure(id_, failure)
        finally:
            method = call.method if call.method in self._table else ""
            self._measuring.answered(method, time.monotonic() - began, failure)

    async def _run(self, exchange: Exchange) -> object:
        call = exchange.call
        method = self._table.get(call.method)
        if method is None:
            raise UnknownMethod(f"there is no method {call.method[:200]!r}; use one of {', '.join(self._table)}")
        return await method.run(jsonrpc.params_as(method.params, call.params), exchange)
