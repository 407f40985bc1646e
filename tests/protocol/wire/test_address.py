"""The rule for the socket's path: every step of it, and the order of the steps."""

import pytest

from kilnmark.protocol.wire.address import default_socket_path, socket_places

EVERYTHING = {"KILNMARK_SOCKET": "/k/own.sock", "XDG_RUNTIME_DIR": "/run/user/7", "TMPDIR": "/var/tmp7"}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in EVERYTHING.items() if name not in names}


@pytest.mark.parametrize(
    ("env", "platform", "path"),
    [
        (EVERYTHING, "linux", "/k/own.sock"),
        (EVERYTHING, "darwin", "/k/own.sock"),
        (without("KILNMARK_SOCKET"), "linux", "/run/user/7/kilnmark/daemon.sock"),
        (without("KILNMARK_SOCKET"), "darwin", "/run/user/7/kilnmark/daemon.sock"),
        (without("KILNMARK_SOCKET", "XDG_RUNTIME_DIR"), "darwin", "/var/tmp7/kilnmark/daemon.sock"),
        (without("KILNMARK_SOCKET", "XDG_RUNTIME_DIR"), "linux", "/tmp/kilnmark-7/daemon.sock"),
        ({}, "darwin", "/tmp/kilnmark-7/daemon.sock"),
        ({"KILNMARK_SOCKET": "", "XDG_RUNTIME_DIR": ""}, "linux", "/tmp/kilnmark-7/daemon.sock"),
        ({"XDG_RUNTIME_DIR": "run"}, "linux", "/tmp/kilnmark-7/daemon.sock"),
    ],
)
def test_the_first_variable_that_is_set_decides(env: dict[str, str], platform: str, path: str) -> None:
    assert str(default_socket_path(env, platform=platform, uid=7)) == path


@pytest.mark.parametrize(
    ("env", "platform", "paths"),
    [
        (EVERYTHING, "linux", ["/k/own.sock"]),
        (
            {"XDG_RUNTIME_DIR": "/r"},
            "linux",
            ["/r/kilnmark/daemon.sock", "/run/user/7/kilnmark/daemon.sock", "/tmp/kilnmark-7/daemon.sock"],
        ),
        (
            {"XDG_RUNTIME_DIR": "/run/user/7"},
            "linux",
            ["/run/user/7/kilnmark/daemon.sock", "/tmp/kilnmark-7/daemon.sock"],
        ),
        ({}, "linux", ["/tmp/kilnmark-7/daemon.sock", "/run/user/7/kilnmark/daemon.sock"]),
        ({"TMPDIR": "/t"}, "darwin", ["/t/kilnmark/daemon.sock", "/tmp/kilnmark-7/daemon.sock"]),
    ],
)
def test_clients_look_where_daemons_of_another_environment_are_too(
    env: dict[str, str], platform: str, paths: list[str]
) -> None:
    places = socket_places(env, platform=platform, uid=7)
    assert [str(place.path) for place in places] == paths
    assert all(place.why for place in places)
