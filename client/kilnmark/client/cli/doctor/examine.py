"""Everything that is looked at, in the order in which a person would mend it."""

from collections.abc import Callable, Iterator

from kilnmark.client.cli.doctor.bases import look_at_bases
from kilnmark.client.cli.doctor.collector import look_at_collector
from kilnmark.client.cli.doctor.engine import look_at_engine
from kilnmark.client.cli.doctor.folders import look_at_folders
from kilnmark.client.cli.doctor.installation import look_at_installation
from kilnmark.client.cli.doctor.journal import look_at_journal
from kilnmark.client.cli.doctor.listening import look_at_socket
from kilnmark.client.cli.doctor.observation import DoctorDocument, Observation, fault, ok, warning
from kilnmark.client.cli.doctor.packs import look_at_packs
from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.xdg import ignored_folders

__all__ = ["examine"]

_LOOKS: tuple[tuple[str, Callable[[Patient], Iterator[Observation]]], ...] = (
    ("installation", look_at_installation),
    ("back end", look_at_engine),
    ("settings", lambda patient: _look_at_settings(patient)),  # noqa: PLW0108 - it stands below
    ("socket", look_at_socket),
    ("base", look_at_bases),
    ("adapters", look_at_folders),
    ("journal", look_at_journal),
    ("packs", look_at_packs),
    ("traces", look_at_collector),
)
"""What each is about when it cannot even be looked at."""


def examine(patient: Patient) -> DoctorDocument:
    """Look at everything; what cannot be looked at is a fault, and keeps nothing else from being looked at."""
    return DoctorDocument.of(observation for about, look in _LOOKS for observation in _looked(about, look, patient))


def _looked(about: str, look: Callable[[Patient], Iterator[Observation]], patient: Patient) -> Iterator[Observation]:
    try:
        yield from look(patient)
    except (OSError, KilnmarkError) as error:
        yield fault(about, f"it cannot be looked at: {error}", "mend that, then look again")


def _look_at_settings(patient: Patient) -> Iterator[Observation]:
    for name in ignored_folders(patient.env):
        found = f"${name} is {patient.env[name]!r} and no absolute path, so it counts for nothing"
        yield warning("settings", found, "give it an absolute path, or unset it")
    if patient.settings is None:
        for problem in patient.problem.splitlines():
            yield fault("settings", problem, "until then no daemon starts here")
    elif patient.status is not None:
        yield ok("settings", "what follows is about the daemon that runs; `kilnmark config` shows those of a new one")
    elif not patient.is_alone:
        yield ok("settings", "they are good; the daemon here cannot be asked, so what follows is about a new one")
    elif not patient.can_serve:
        yield ok("settings", "they are good, for a daemon that is started elsewhere")
    else:
        yield ok("settings", "they are good; what follows is about the daemon that `kilnmark serve` would start here")
