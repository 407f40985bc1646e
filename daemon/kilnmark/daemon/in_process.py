"""A daemon in a thread of this process, for tests: everything is the real one's, save that a fake worker paints.

It has an event loop and a socket of its own, in a private folder that goes with it. `kilnmark.client.testing` is the
door for users; here are the settings, the clock and the loop too, which our own tests choose.
"""

import asyncio
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from opentelemetry.trace import NoOpTracer, Tracer

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.daemon import Daemon
from kilnmark.daemon.journal.opening import open_journal
from kilnmark.daemon.machine.awake import Awake
from kilnmark.daemon.machine.machine import Machine
from kilnmark.daemon.notes import ProcessNotes
from kilnmark.daemon.wire.socket import Listener
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.otel.measures import Measures
from kilnmark.protocol.settings import Settings

__all__ = ["InProcessDaemon"]

END_TIMEOUT = 30.0
"""Seconds the daemon may take to end before the one who ends it is told so."""


class InProcessDaemon:
    """Serves from `with` to its end.

    Args:
        worker: What paints; None: a fake that does everything well.
        clock: Tells the time; None: the system's.
        tracer: Whose spans tell of renders; None: nobody's.
        measures: What is measured; None: nobody keeps it.
        new_loop: Makes the event loop.
        machine: As `Daemon` has it; None: one that nobody keeps awake.
        settings: Of the daemon; where its socket, pictures and adapters are too, in place of its private folder. It
            stays where its first base cannot be held, unless they say otherwise.

    Attributes:
        home: A private folder, removed at the end.
        socket: Where it listens.
        pictures: Where pictures go.
        loras: Its adapter root, where the settings have no other.
        worker: What paints.
    """

    def __init__(
        self,
        worker: FakeWorker | None = None,
        *,
        clock: Clock | None = None,
        tracer: Tracer | None = None,
        measures: Measures | None = None,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop,
        machine: Machine | None = None,
        **settings: Any,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kiln-", ignore_cleanup_errors=True)
        self.home = Path(self._folder.name)
        self.loras = self.home / "loras"
        self.loras.mkdir()
        self.worker = worker or FakeWorker()
        self._clock = clock
        self._tracer = tracer or NoOpTracer()
        self._measures = measures
        self._new_loop = new_loop
        self._machine = machine or Machine(awake=Awake("none"))
        places = {
            "socket": self.home / "daemon.sock",
            "output_dir": self.home / "pictures",
            "lora_roots": (self.loras,),
            "keep_failed": True,
            "drafts": "never",  # a fake paints at once
        }
        try:
            self._settings = Settings.model_validate(places | settings)
        except BaseException:
            self._folder.cleanup()
            raise
        self.socket, self.pictures = self._settings.socket, self._settings.output_dir
        self._thread = threading.Thread(target=self._run, name="kilnmark-daemon", daemon=True)
        self._made = threading.Event()
        self._daemon: Daemon | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._defect: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._made.wait(END_TIMEOUT):
            raise TimeoutError(f"the daemon did not begin within {END_TIMEOUT:g} seconds")
        if self._defect is not None:
            self._thread.join(END_TIMEOUT)
            self._folder.cleanup()
            raise self._defect
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.shut_down()
        self._thread.join(END_TIMEOUT)
        self._folder.cleanup()
        if self._thread.is_alive():
            raise TimeoutError(f"the daemon did not end within {END_TIMEOUT:g} seconds")
        if self._defect is not None and e is None:
            raise self._defect

    @property
    def watchers(self) -> int:
        """Requests that watch its jobs."""
        return 0 if self._daemon is None else self._daemon.watching.count

    @property
    def has_ended(self) -> bool:
        """It serves no more."""
        return not self._thread.is_alive()

    def wait_until_ended(self) -> None:
        """Wait until it has ended by itself, as after a `shutdown`.

        Raises:
            TimeoutError: it has not.
        """
        self._thread.join(END_TIMEOUT)
        if not self.has_ended:
            raise TimeoutError(f"the daemon did not end within {END_TIMEOUT:g} seconds")

    def shut_down(self) -> None:
        """Begin the end, as a signal would."""
        if self._loop is None or self._daemon is None or self.has_ended:
            return
        with suppress(RuntimeError):  # its loop was closed this moment: it has ended by itself
            self._loop.call_soon_threadsafe(self._daemon.shut_down, False)  # noqa: FBT003 - the argument of a callback

    def _run(self) -> None:
        try:
            OutputFolder(self.pictures, self._settings.picture_mode).make_ready()
            with Listener(self.socket) as listener, asyncio.Runner(loop_factory=self._new_loop) as runner:
                runner.run(self._serve(listener))
        except BaseException as error:  # noqa: BLE001 - told to whoever started the thread
            self._defect = error
        finally:
            self._made.set()

    async def _serve(self, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        path = self._settings.journal
        self._daemon = Daemon(
            self._settings,
            listener,
            tracer=self._tracer,
            measures=self._measures,
            spawn=self.worker.spawn,
            notes=ProcessNotes(self._clock or Clock()),
            journal=None if path is None else open_journal(path),
            machine=self._machine,
        )
        self._made.set()
        await self._daemon.run()
