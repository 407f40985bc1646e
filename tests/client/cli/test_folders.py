"""Where a user's own files live."""

from pathlib import Path

import pytest

from kilnmark.client.cli.folders import config_file, data_folder

HOME = Path("/home/potter")


@pytest.mark.parametrize(
    ("env", "platform", "expected"),
    [
        ({}, "linux", "/home/potter/.local/share/kilnmark"),
        ({}, "darwin", "/home/potter/Library/Application Support/kilnmark"),
        ({"XDG_DATA_HOME": "/data"}, "linux", "/data/kilnmark"),
        ({"XDG_DATA_HOME": "/data"}, "darwin", "/data/kilnmark"),
        ({"XDG_DATA_HOME": ""}, "linux", "/home/potter/.local/share/kilnmark"),
        ({"XDG_DATA_HOME": "data"}, "linux", "/home/potter/.local/share/kilnmark"),
    ],
)
def test_the_data_folder_follows_its_system(env: dict[str, str], platform: str, expected: str) -> None:
    assert data_folder(env, platform=platform, home=HOME) == Path(expected)


@pytest.mark.parametrize(
    ("env", "platform", "expected"),
    [
        ({}, "linux", "/home/potter/.config/kilnmark/config.toml"),
        ({}, "darwin", "/home/potter/Library/Application Support/kilnmark/config.toml"),
        ({"XDG_CONFIG_HOME": "/etc"}, "linux", "/etc/kilnmark/config.toml"),
        ({"XDG_CONFIG_HOME": "/etc"}, "darwin", "/etc/kilnmark/config.toml"),
        ({"XDG_CONFIG_HOME": "etc"}, "linux", "/home/potter/.config/kilnmark/config.toml"),
    ],
)
def test_the_configuration_file_follows_its_system(env: dict[str, str], platform: str, expected: str) -> None:
    assert config_file(env, platform=platform, home=HOME) == Path(expected)
