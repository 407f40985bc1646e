"""From a call to its reply: the method is looked up, its parameters decoded, and whatever happens becomes one reply.

What the methods do is written in `methods`; sockets and framing are not known here.
"""

import logging

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

    def __init__(self, table: dict[str, Method]) -> None:
        self._table = table
        self.refused = RefusedRequests()

    async def answer(self, exchange: Exchange) -> bytes:
        """The reply to a call, as JSON. Only being cancelled is raised."""
        call = exchange.call
        id_ = call.id or b"null"
        try:
            return jsonrpc.result(id_, await self._run(exchange))
        except RequestError as error:
            self.refused.tell(call.method, error, exchange.asked_by)
            return jsonrpc.failure(id_, error)
        except Exception:  # noqa: BLE001 - a defect ends one request, never the connection
            _log.exception("method %.200r met a defect", call.method)
            problem = "the daemon met a defect of its own; its log has the traceback"
            return jsonrpc.failure(id_, InternalError(problem))

    async def _run(self, exchange: Exchange) -> object:
        call = exchange.call
        method = self._table.get(call.method)
        if method is None:
            raise UnknownMethod(f"there is no method {call.method[:200]!r}; use one of {', '.join(self._table)}")
        return await method.run(jsonrpc.params_as(method.params, call.params), exchange)
