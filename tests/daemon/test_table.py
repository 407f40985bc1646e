"""The daemon's table of methods is the wire's: the same names, and the same parameters."""

from kilnmark.daemon.methods import Methods
from kilnmark.protocol.wire.methods import METHODS


def test_every_method_of_the_wire_is_answered_and_no_other() -> None:
    table = Methods.__new__(Methods).table  # no method is called, so nothing of a daemon is needed
    assert {name: method.params for name, method in table.items()} == {known.name: known.params for known in METHODS}
