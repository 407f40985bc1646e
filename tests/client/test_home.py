"""A leading `~`, through every door that a path can come in by."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from kilnmark.client.cli.main import kilnmark
from kilnmark.client.cli.options import given_picture, named_base, scaled_path
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.settings.gather import Surroundings, gather
from kilnmark.client.dial import Places
from kilnmark.client.home import expanded
from kilnmark.client.request import inspect_params, render_params
from kilnmark.keymaps.errors import MissingFile
from kilnmark.keymaps.files.roots import locate, locate_beside
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.address import socket_places
from kilnmark.protocol.wire.stacks import ExtraLora
from tests.client.cli.test_help import every

SENT = {"init_image", "reference_images"}
"""Options of paths that go through the client, which knows `~` by itself."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    (place / "m").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(place))
    return place


def parameters() -> Iterator[tuple[str, click.Parameter]]:
    for path in every(kilnmark):
        command: click.Command = kilnmark
        context = click.Context(kilnmark)
        for name in path:
            assert isinstance(command, click.Group)
            found = command.get_command(context, name)
            assert found is not None
            command, context = found, click.Context(found, parent=context)
        for parameter in command.get_params(context):
            yield " ".join(path), parameter


def test_every_path_of_the_command_line_knows_it() -> None:
    paths = [(path, each) for path, each in parameters() if isinstance(each.type, click.Path)]
    assert len(paths) > 50
    assert [(path, each.name) for path, each in paths if not isinstance(each.type, HomePath)] == []


def test_no_option_for_a_path_is_plain_text() -> None:
    words = {"DIR", "FILE", "PATH"}
    plain = {each.name for _, each in parameters() if each.metavar in words and each.type == click.STRING}
    assert plain - SENT == set()


def test_the_value_behind_an_equals_sign_is_at_home(home: Path) -> None:
    assert HomePath().convert("~/x/", None, None) == f"{home}/x/"
    assert HomePath(path_type=Path).convert("~", None, None) == home
    assert HomePath().convert("a/~/x", None, None) == "a/~/x"


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x"])
def test_a_home_that_nobody_has_is_no_folder_of_that_name(name: str) -> None:
    for read in (lambda: HomePath().convert(name, None, None), lambda: scaled_path(name), lambda: named_base(name)):
        with pytest.raises(click.BadParameter, match="nobody's home here"):
            read()


def test_adapters_bases_and_pictures_of_options(home: Path) -> None:
    (home / "a:0.5").touch()
    (home / "a.png").write_bytes(b"x")
    assert scaled_path("~/ink.safetensors:0.5,double=1")[:2] == (f"{home}/ink.safetensors", 0.5)
    assert scaled_path("~/a:0.5")[:2] == (f"{home}/a:0.5", 1.0)
    assert named_base("dev=~/m") == ("dev", f"{home}/m")
    assert named_base("~/m") == (f"{home}/m", f"{home}/m")
    assert given_picture("~/a.png", inline=True) == b"x"


def test_the_keywords_of_the_clients(home: Path) -> None:
    extra = ExtraLora(path="~/e")
    sent = render_params("a", lora_paths=["~/l", Path("~/p")], extra_loras=[extra], reference_images=["~/r"])
    assert (sent.lora_paths, sent.extra_loras[0].path) == ([f"{home}/l", f"{home}/p"], f"{home}/e")
    assert sent.reference_images == [f"{home}/r"]
    assert render_params("a", init_image="~/i").init_image == f"{home}/i"
    assert inspect_params(["~/l"]).lora_paths == [f"{home}/l"]
    assert Places("~/k.sock").path == f"{home}/k.sock"


def test_the_socket_that_a_variable_names(home: Path) -> None:
    env = {"KILNMARK_SOCKET": "~/k.sock", "HOME": str(home)}
    assert [str(place.path) for place in socket_places(env, platform="linux", uid=1)] == [f"{home}/k.sock"]


@pytest.mark.parametrize(
    ("env", "options", "file"),
    [
        ({}, {"packs": "~/m", "bases": ("dev=~/m",), "lora_roots": ("~/m",)}, ""),
        ({"KILNMARK_PACKS": "~/m", "KILNMARK_BASES": "dev=~/m", "KILNMARK_LORA_ROOTS": "~/m:~/m"}, {}, ""),
        ({}, {}, 'packs = "~/m"\nlora_roots = ["~/m"]\nbases = {dev = "~/m"}\n'),
    ],
    ids=["options", "variables", "file"],
)
def test_settings_wherever_they_are_said(env: dict[str, str], options: dict[str, Any], file: str, home: Path) -> None:
    (home / "kiln.toml").write_text(file)
    around = Surroundings(env={**env, "HOME": str(home)}, platform="linux", home=home, uid=7, here=home)
    settings: Settings = gather(options, "~/kiln.toml", around).settings
    assert (settings.packs, settings.bases, set(settings.lora_roots)) == (
        home / "m",
        {"dev": f"{home}/m"},
        {home / "m"},
    )


def test_in_documents_and_requests_it_is_nobodys(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="stands for no home here"):
        locate("~/ink.safetensors", [tmp_path])
    with pytest.raises(MissingFile, match="stands for no home here"):
        locate_beside("~/ink.safetensors", tmp_path, [tmp_path])


def test_a_path_without_one_stays_as_it_is() -> None:
    assert [expanded(each) for each in ("", "a", "./~/a", "/~", Path("b"))] == ["", "a", "./~/a", "/~", "b"]
