"""The exit codes of every command, the daemon's own process included."""

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """How a process ends.

    Attributes:
        DONE: What was asked for is done.
        FAILED: It is not, for a reason that has no code of its own.
        USAGE: The command line or a parameter is wrong.
        NOT_ENGAGED: An adapter did not engage or was refused, also when the picture was made all the same.
        WARNED: It works, and `kilnmark doctor` found something that somebody should look at.
        NO_DAEMON: Nobody answers at the socket.
        TRY_AGAIN: The queue is full, the daemon is on its way out, or the socket or the folder is held by another.
        INTERRUPTED: Ctrl-C.
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_ENGAGED = 3
    WARNED = 4
    NO_DAEMON = 69
    TRY_AGAIN = 75
    INTERRUPTED = 130
