"""`python speak_web3.py SOCKET sync|async`: web3.py's providers, unchanged, ask a daemon that is restarted meanwhile.

It runs in an environment of its own and imports nothing of kilnmark. Each line that it prints is a JSON value: what was
answered. After the words `ready` and `restart` it waits until it reads a line.
"""

import asyncio
import json
import sys
from typing import Any

from web3 import AsyncIPCProvider, AsyncWeb3, IPCProvider
from web3.exceptions import Web3RPCError
from web3.method import Method, default_root_munger
from web3.module import Module
from web3.types import RPCEndpoint

SMALL = {"prompt": "a kiln", "width": 64, "height": 64, "steps": 1}


def say(told: Any) -> None:
    """One line for the test."""
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()


def restarted() -> None:
    """Wait until there is another daemon."""
    say("restart")
    sys.stdin.readline()


def calls(name: str) -> "list[tuple[RPCEndpoint, Any]]":
    """What is asked for, one after the other and as a batch."""
    asked: list[tuple[str, Any]] = [
        ("ping", []),
        ("jobs.list", [{"limit": 3}]),
        ("render", [{**SMALL, "seed": 1, "job_id": name}]),
        ("render", [{**SMALL, "steps": 0}]),
        ("jobs.get", [{"job_id": "nobody"}]),
        ("no.such.method", []),
        ("ping", [1, 2]),
    ]
    return [(RPCEndpoint(method), params) for method, params in asked]


def speak_sync(path: str) -> None:
    """By `IPCProvider`."""
    provider = IPCProvider(path, timeout=30)
    say([provider.make_request(*call) for call in calls("sync")])
    say(provider.make_batch_request(calls("sync-batch")))
    restarted()
    say([provider.make_request(*call) for call in calls("sync-again")])


class Kiln(Module):  # type: ignore[misc]
    """The daemon's methods, attached as web3.py's users attach those of their own nodes."""

    is_async = True
    ping = Method(RPCEndpoint("ping"), mungers=[default_root_munger])
    listed = Method(RPCEndpoint("jobs.list"), mungers=[default_root_munger])
    render = Method(RPCEndpoint("render"), mungers=[default_root_munger])
    job = Method(RPCEndpoint("jobs.get"), mungers=[default_root_munger])
    nothing = Method(RPCEndpoint("no.such.method"), mungers=[default_root_munger])


NAMES = {"jobs.list": "listed", "jobs.get": "job", "no.such.method": "nothing"}


async def answer(web3: "AsyncWeb3[Any]", method: str, params: Any) -> Any:
    """What a call of the module comes to, as it was on the wire."""
    try:
        result = await getattr(web3.kiln, NAMES.get(method, method))(*params)
    except Web3RPCError as error:
        return error.rpc_response
    return {"result": json.loads(AsyncWeb3.to_json(result))}


async def speak_async(path: str) -> None:
    """By `AsyncIPCProvider` through a module, calls under way side by side; it is connected again by its user."""
    for name in ("async", "async-again"):
        async with AsyncWeb3(AsyncIPCProvider(path, request_timeout=30)) as web3:
            web3.attach_modules({"kiln": Kiln})
            say(await asyncio.gather(*(answer(web3, *call) for call in calls(name))))
            if name == "async":
                async with web3.batch_requests() as batch:
                    for method, params in calls("async-batch")[:3]:
                        batch.add(getattr(web3.kiln, NAMES.get(method, method))(*params))
                    made = await batch.async_execute()
                say([{"result": json.loads(AsyncWeb3.to_json(one))} for one in made])
        if name == "async":
            restarted()


if __name__ == "__main__":
    say("ready")
    sys.stdin.readline()
    if sys.argv[2] == "sync":
        speak_sync(sys.argv[1])
    else:
        asyncio.run(speak_async(sys.argv[1]))
