"""Lines of a log as one JSON object each, and what such a line says beside its words.

How lines look to people is `printable`'s part; where they are written, the process's.
"""

import logging
from datetime import UTC, datetime

from kilnmark.protocol.printable import printable_json

__all__ = ["JOB_ID", "TRACE_ID", "JsonFormatter"]

JOB_ID, TRACE_ID = "job_id", "trace_id"
"""What a line belongs to, given as `extra` to whoever logs it."""


class JsonFormatter(logging.Formatter):
    """One line of JSON a record: `time` (UTC, ISO 8601), `level`, `logger`, `message`, `pid`, and, where they are
    known, `job_id`, `trace_id` and `exception`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline."""
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        said |= {name: value for name in (JOB_ID, TRACE_ID) if (value := getattr(record, name, ""))}
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return printable_json(said)
