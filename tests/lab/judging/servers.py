"""Fake judges over real HTTP on loopback, in both forms; each call that was carried out is kept as one that is paid.

It serves from a thread of the test. What it answers with is said by words, one a call, the last one for ever; it can
end whoever asks at any point of a call, too.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

__all__ = ["KEY", "FakeJudge"]

KEY = "sk-fake-0123456789-do-not-tell"
"""The key that it takes, and that nothing of ours may ever show."""

TOKENS = (1000, 200)
"""What it counts for every call, asked and answered."""

_GOOD = "good"


class FakeJudge(ThreadingHTTPServer):
    """A judge that takes one key and answers by a script.

    Args:
        script: `good`, `bad` (below every bar), `misfit`, `text`, `empty`, `cut`, `refused`, `no-usage` and `garbage`
            are carried out and paid; `429`, `503`, `401`, `400` and `redirect` are not; `500`, `hang` and `drop` are
            carried out, and the reply never comes.
        remembers: Whether a call with a key that was paid is answered again without being paid again.
        answers: What it says instead of scores.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        *script: str,
        remembers: bool = False,
        answers: Callable[[Mapping[str, Any]], Any] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = list(script or [_GOOD])
        self.remembers = remembers
        self.answers = answers
        self.asked: list[Mapping[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.paid: list[str] = []
        self.given: dict[str, bytes] = {}
        self.victim: tuple[int, int, str] | None = None
        self.released = threading.Event()
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed hangs up, which is what it is for."""

    def anew(self) -> None:
        """Nothing was asked yet, and nobody is to be killed."""
        self.asked, self.headers, self.paid, self.given, self.victim = [], [], [], {}, None

    def kill_if(self, call: int, how: str) -> bool:
        """End whoever is to die at this point of this call, as `kill -9` does."""
        if self.victim is None or self.victim[1:] != (call, how):
            return False
        os.kill(self.victim[0], signal.SIGKILL)
        self.victim = None
        return True

    def next_word(self) -> str:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def pay(self, key: str) -> None:
        self.paid.append(key)


class _Handler(BaseHTTPRequestHandler):
    server: FakeJudge
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart, and the second would wait for 40 ms

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key = self.headers.get("idempotency-key", "")
        with self.server.lock:
            self.server.asked.append(body)
            self.server.headers.append(dict(self.headers.items()))
            call = len(self.server.asked)
            given = self.server.given.get(key) if self.server.remembers else None
            word = _GOOD if given else self.server.next_word()
        if not self._is_known():
            self._send(401, {"error": {"type": "auth", "message": f"no such key: {self._key()}"}})
        elif self.server.kill_if(call, "kill before"):
            self.close_connection = True
        elif given:
            self._answer(call, given)
        else:
            self._act(word, key, body, call)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own
        """Nothing."""

    def _key(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ") or self.headers.get("x-api-key", "")

    def _is_known(self) -> bool:
        return self._key() == KEY

    def _answer(self, call: int, reply: bytes) -> None:
        if self.server.kill_if(call, "kill unanswered"):
            self.close_connection = True
            return
        self._send_bytes(200, reply)
        self.wfile.flush()
        self.server.kill_if(call, "kill after")

    def _act(self, word: str, key: str, body: Mapping[str, Any], call: int) -> None:
        if word in {"401", "400", "429", "503"}:
            headers = {"retry-after": "0.01"} if word == "429" else {}
            self._send(int(word), {"error": {"type": "x", "message": f"said with {self._key()}"}}, headers)
        elif word == "redirect":
            self._send(307, {}, {"location": f"{self.server.url}/elsewhere"})
        else:
            reply = self._reply(word, body)
            self.server.pay(key)
            self.server.given[key] = reply
            if word == "hang":
                self.server.released.wait(30)
            elif word == "drop":
                self._send_bytes(200, reply, cut=len(reply) // 2)
            elif word == "500":
                self._send(500, {"error": {"type": "x", "message": "it broke"}})
            else:
                self._answer(call, reply)

    def _reply(self, word: str, body: Mapping[str, Any]) -> bytes:
        if word == "garbage":
            return b"<html>a proxy's page</html>"
        text = _text(word, self.server.answers(body) if self.server.answers else _scores(word, body))
        form = _anthropic if self.path.endswith("/messages") else _openai
        return json.dumps(form(word, text)).encode()

    def _send(self, status: int, document: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(document).encode(), headers)

    def _send_bytes(
        self, status: int, data: bytes, headers: Mapping[str, str] | None = None, cut: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[:cut])
        if cut is not None:
            self.close_connection = True


def _scores(word: str, body: Mapping[str, Any]) -> Any:
    score = 0.2 if word == "bad" else 0.9
    marks = {name: {"score": score, "sentence": f"{name} is {word}"} for name in ("Q1", "Q2", "Q3", "Q4")}
    return {"scores": marks}


def _text(word: str, document: Any) -> str:
    if word in {"empty", "refused"}:
        return ""
    if word == "text":
        return "I like it."
    if word == "misfit":
        return '{"scores": {"Q1": {"score": 7, "sentence": "x"}}}'
    text = json.dumps(document)
    return text[: len(text) // 2] if word == "cut" else text


def _openai(word: str, text: str) -> Any:
    ends = {"cut": "length"}
    message = {"role": "assistant", "content": text, "refusal": "no" if word == "refused" else None}
    usage = {"prompt_tokens": TOKENS[0], "completion_tokens": TOKENS[1], "total_tokens": sum(TOKENS)}
    reply = {"id": "chat-1", "choices": [{"index": 0, "message": message, "finish_reason": ends.get(word, "stop")}]}
    return reply | ({} if word == "no-usage" else {"usage": usage})


def _anthropic(word: str, text: str) -> Any:
    ends = {"cut": "max_tokens", "refused": "refusal"}
    usage = {"input_tokens": TOKENS[0] - 100, "cache_read_input_tokens": 100, "output_tokens": TOKENS[1]}
    blocks = [{"type": "thinking", "thinking": "..."}, {"type": "text", "text": text}]
    reply = {"id": "msg-1", "content": blocks, "stop_reason": ends.get(word, "end_turn")}
    return reply | ({} if word == "no-usage" else {"usage": usage})
