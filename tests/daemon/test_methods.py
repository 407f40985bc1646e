"""The table of what the daemon does is that of the wire."""

from kilnmark.daemon.methods import Methods
from kilnmark.protocol.wire.methods import METHODS


def test_every_method_of_the_wire_is_done_and_no_other() -> None:
    """The rows are bound to the object only; none is run."""
    table = Methods.table.fget(object.__new__(Methods))  # type: ignore[attr-defined]
    assert {name: row.params for name, row in table.items()} == {each.name: each.params for each in METHODS}
