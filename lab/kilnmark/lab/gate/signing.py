"""Who answers for a verification: a name beside the report, bound to its bytes. Who that is nobody checks here.

A person signs. Where settings allow it, a program may do so unasked, and the signature tells that.
"""

from pathlib import Path
from typing import Final

import msgspec

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.outputs import sha256_of
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.gate.errors import NotSigned
from kilnmark.lab.gate.report import GateReport, read_report
from kilnmark.lab.gate.sound import contradiction, strange_picture
from kilnmark.lab.run.folder import now
from kilnmark.lab.run.state import Outcome

__all__ = ["SIGNED", "GateSignature", "read_signature", "sign"]

SIGNED: Final = "signed.json"


class GateSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature.

    Attributes:
        by: Who.
        at: When.
        report_sha256: Of the report's document as it was signed.
        asked: Whether the person was asked and said so; else settings allowed it unasked.
    """

    by: str
    at: str
    report_sha256: str
    asked: bool


def sign(report: Path, by: str, *, asked: bool) -> GateSignature:
    """Sign a report that passed.

    Args:
        report: Its document.
        by: Who answers for it.
        asked: Whether the person was asked.

    Raises:
        NotSigned: It did not pass, is not as it was written, or there is no name.
        NothingToVerify: It is no report.
        RunUnusable: The signature cannot be written.
    """
    found = read_report(report)
    if not by.strip():
        raise NotSigned("there is no name", "give the name of who answers for it")
    if found.outcome is not Outcome.PASSED:
        raise NotSigned(f"the gate says {found.outcome}: {_why(found)}", "mend that, and verify it again")
    wrong = contradiction(found) or strange_picture(found, report.parent)
    if wrong is not None:
        raise NotSigned(f"{report} is not as the gate wrote it: {wrong}", "verify the adapter again")
    signature = GateSignature(by=by.strip(), at=now(), report_sha256=_sha256(report), asked=asked)
    goal = report.with_name(SIGNED)
    try:
        with written_whole(goal, alone=True) as file:
            file.write(msgspec.json.format(msgspec.json.encode(signature)) + b"\n")
    except OSError as error:
        raise RunUnusable(str(goal), error.strerror or str(error), "make room for it, and sign again") from error
    return signature


def read_signature(report: Path) -> GateSignature | None:
    """Who signed a report as it is now; None: nobody did, or it is another one since.

    Raises:
        RunUnusable: What is beside it cannot be read.
    """
    path = report.with_name(SIGNED)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=GateSignature)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunUnusable(str(path), str(error), "remove it, and sign again") from error
    return found if found.report_sha256 == _sha256(report) else None


def _why(report: GateReport) -> str:
    return report.reasons[0] if report.reasons else "no reason was written down"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return sha256_of(file)
