"""Who says a setting, in which order, and what is told of one that is wrong."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.client.cli.settings.gather import Gathered, Surroundings, expected, gather
from kilnmark.client.cli.settings.options import shown_default
from kilnmark.client.cli.settings.sources import fields, variable_of
from kilnmark.client.cli.settings.texts import read_value
from kilnmark.farm.broker.credentials import ADDRESS_VARIABLE, VARIABLE
from kilnmark.protocol.settings import Settings


def around(here: Path, **env: str) -> Surroundings:
    return Surroundings(env=env, platform="linux", home=here / "home", uid=7, here=here)


def gathered(here: Path, env: dict[str, str] | None = None, file: str | None = None, **options: Any) -> Gathered:
    """What options, variables and the text of a file come to, in a folder that has two others, `a` and `b`."""
    for name in ("a", "b"):
        (here / name).mkdir(exist_ok=True)
    config = None
    if file is not None:
        config = "kiln.toml"
        (here / config).write_text(file)
    return gather(options, config, around(here, **(env or {})))


def problems(here: Path, env: dict[str, str] | None = None, file: str | None = None, **options: Any) -> list[str]:
    with pytest.raises(click.UsageError) as caught:
        gathered(here, env, file, **options)
    return caught.value.message.replace(str(here), ".").split("\n")


def test_where_nobody_says_anything_every_setting_has_its_default(tmp_path: Path) -> None:
    found = gathered(tmp_path)
    assert found.file is None
    assert {said.origin for said in found.said.values()} == {"default"}
    assert set(found.said) == set(Settings.model_fields)
    settings = found.settings
    assert settings.socket == Path("/tmp/kilnmark-7/daemon.sock")
    assert settings.output_dir == tmp_path / "home/.local/share/kilnmark/pictures"
    assert settings.lora_roots == (tmp_path, tmp_path / "home/.local/share/kilnmark/loras")


def test_a_size_is_shown_in_whole_units_that_read_as_the_same(tmp_path: Path) -> None:
    sizes = {name: told for name, told in fields().items() if told.kind == "size" and told.default is None}
    shown = {name: shown_default(told, Settings.model_fields[name].default) for name, told in sizes.items()}
    assert shown["line_bytes"] == "1MiB"
    assert shown["cache_bytes"] == "2GiB"
    for name, text in shown.items():
        assert read_value("size", text, tmp_path) == Settings.model_fields[name].default


def test_options_go_before_variables_and_those_before_the_file(tmp_path: Path) -> None:
    env = {"KILNMARK_QUEUE_LIMIT": "2", "KILNMARK_AGEING": "20"}
    found = gathered(tmp_path, env, "queue_limit = 3\nageing = 30\n\nbatch_delay = 3.5\n", queue_limit="1")
    settings = found.settings
    assert (settings.queue_limit, settings.ageing, settings.batch_delay) == (1, 20.0, 3.5)
    told = {name: (said.origin, said.where) for name, said in found.said.items() if said.origin != "default"}
    assert told == {
        "queue_limit": ("option", "--queue-limit"),
        "ageing": ("environment", "$KILNMARK_AGEING"),
        "batch_delay": ("file", f"{tmp_path}/kiln.toml:4"),
    }


@given(st.permutations(["default", "file", "environment", "option"]), st.integers(1, 4))
def test_whatever_is_said_the_first_in_order_holds(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], count: int
) -> None:
    said = order[:count]
    here = tmp_path_factory.mktemp("said")
    file = "queue_limit = 3" if "file" in said else None
    env = {"KILNMARK_QUEUE_LIMIT": "2"} if "environment" in said else {}
    found = gathered(here, env, file, queue_limit="1" if "option" in said else None)
    wanted = {"option": 1, "environment": 2, "file": 3, "default": 1000}
    first = next(origin for origin in wanted if origin in [*said, "default"])
    assert (found.settings.queue_limit, found.said["queue_limit"].origin) == (wanted[first], first)


def test_every_setting_can_be_said_in_each_way(tmp_path: Path) -> None:
    texts = {
        "path": "a/new", "folder": "a", "folders": "a", "base": "schnell", "bases": "schnell", "bits": "8",
        "count": "9", "seconds": "1.5", "size": "1MiB", "word": "auto", "picture_access": "group",
        "flag": "true", "pause_on_battery": "low", "pause_when_hot": "all", "require_promoted": "all",
        "hosts": "Example.org:8443", "log_format": "json",
    }  # fmt: skip
    told = {name: texts.get(name, texts[field.kind]) for name, field in fields().items()}
    options: dict[str, Any] = {name: (text,) if fields()[name].is_list else text for name, text in told.items()}
    by_options = gathered(tmp_path, **options)
    by_variables = gathered(tmp_path, {variable_of(name): text for name, text in told.items()})
    by_file = gathered(tmp_path, file="\n".join(f'{name} = "{text}"' for name, text in told.items()))
    assert by_options.settings == by_variables.settings == by_file.settings
    assert {said.origin for said in by_file.said.values()} == {"file"}
    assert {said.origin for said in by_variables.said.values()} == {"environment"}
    assert by_options.settings.cache_bytes == 1 << 20
    assert by_options.settings.lora_roots == (tmp_path / "a",)


def test_lists_are_repeated_options_or_colons_or_arrays_or_a_table(tmp_path: Path) -> None:
    both = (tmp_path / "a", tmp_path / "b")
    bases = {"one": str(tmp_path / "a"), "schnell": "schnell", str(tmp_path / "b"): str(tmp_path / "b")}
    assert gathered(tmp_path, lora_roots=("a", "b")).settings.lora_roots == both
    assert gathered(tmp_path, {"KILNMARK_LORA_ROOTS": "a:b"}).settings.lora_roots == both
    assert gathered(tmp_path, file='lora_roots = ["a", "b"]').settings.lora_roots == both
    assert gathered(tmp_path, bases=("one=a", "schnell", "b")).settings.bases == bases
    assert gathered(tmp_path, {"KILNMARK_BASES": "one=a:schnell:b"}).settings.bases == bases
    assert gathered(tmp_path, file='bases = ["one=a", "schnell", "b"]').settings.bases == bases
    table = '[bases]\none = "a"\nschnell = "schnell"\n'
    assert gathered(tmp_path, file=table).settings.bases == {"one": str(tmp_path / "a"), "schnell": "schnell"}


def test_paths_of_a_file_are_meant_from_its_folder_and_a_tilde_is_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/potter")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "kiln.toml").write_text('output_dir = "out"')
    found = gather({}, "etc/kiln.toml", around(tmp_path, KILNMARK_SOCKET="~/s"))
    assert found.settings.output_dir == tmp_path / "etc" / "out"
    assert found.settings.socket == Path("/home/potter/s")


def test_the_first_base_may_be_one_that_is_named_elsewhere(tmp_path: Path) -> None:
    found = gathered(tmp_path, {"KILNMARK_BASES": "mine=a"}, variant="mine")
    assert (found.settings.variant, found.settings.variants["mine"]) == ("mine", str(tmp_path / "a"))
    assert gathered(tmp_path, variant="b").settings.variant == str(tmp_path / "b")


def test_the_file_is_the_one_that_was_named_first(tmp_path: Path) -> None:
    usual = tmp_path / "home/.config/kilnmark/config.toml"
    usual.parent.mkdir(parents=True)
    usual.write_text("queue_limit = 1")
    (tmp_path / "two.toml").write_text("queue_limit = 2")
    assert gathered(tmp_path).said["queue_limit"].file == usual
    env = {"KILNMARK_CONFIG": "two.toml"}
    assert gathered(tmp_path, env).settings.queue_limit == 2
    assert gathered(tmp_path, env, "queue_limit = 3").settings.queue_limit == 3


@pytest.mark.parametrize("env", [{"KILNMARK_CONFIG": ""}, {"KILNMARK_QUEUE_LIMIT": ""}])
def test_an_empty_variable_counts_as_unset(tmp_path: Path, env: dict[str, str]) -> None:
    assert gathered(tmp_path, env).said["queue_limit"].origin == "default"


@pytest.mark.parametrize(
    ("key", "meant"),
    [("queu_limit", "queue_limit"), ("queue-limit", "queue_limit"), ("Packs", "packs"), ("base", "bases")],
)
def test_a_wrong_key_of_a_file_is_told_with_its_line_and_the_one_that_was_meant(
    tmp_path: Path, key: str, meant: str
) -> None:
    assert problems(tmp_path, file=f"ageing = 1\n\n{key} = 1") == [
        f"./kiln.toml:3: there is no setting {key!r}; did you mean {meant}?"
    ]


def test_a_wrong_variable_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    assert problems(tmp_path, {"KILNMARK_LORA_ROOT": "a", "KILNMARK_XYZZY": "1", "KILN": "no business of ours"}) == [
        "$KILNMARK_LORA_ROOT: there is no such variable; did you mean KILNMARK_LORA_ROOTS?",
        "$KILNMARK_XYZZY: there is no such variable; unset it; `kilnmark serve --help` lists the settings",
    ]


@pytest.mark.parametrize("name", [ADDRESS_VARIABLE, VARIABLE])
def test_a_variable_of_the_farm_stops_no_daemon(tmp_path: Path, name: str) -> None:
    assert problems(tmp_path, {name: "x", "KILNMARK_XYZZY": "1"}) == [
        "$KILNMARK_XYZZY: there is no such variable; unset it; `kilnmark serve --help` lists the settings"
    ]


def test_a_key_that_is_like_none_is_told_without_a_guess(tmp_path: Path) -> None:
    assert problems(tmp_path, file="xyzzy = 1") == [
        "./kiln.toml:1: there is no setting 'xyzzy'; take the line out; `kilnmark serve --help` lists the settings"
    ]


def test_a_wrong_value_names_who_said_it_and_what_it_may_be(tmp_path: Path) -> None:
    bounds = "a whole number from 1 up to 100,000"
    assert problems(tmp_path, queue_limit="0") == [f"--queue-limit: '0' is not {bounds}; give another"]
    assert problems(tmp_path, {"KILNMARK_QUEUE_LIMIT": "many"}) == [
        f"$KILNMARK_QUEUE_LIMIT: 'many' is not {bounds}; set it to another, or unset it"
    ]
    assert problems(tmp_path, file="\nqueue_limit = 1.5") == [
        f"./kiln.toml:2: queue_limit: 1.5 is not {bounds}; mend the line, or take it out"
    ]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("queue_limit", ["0", "100001", "1.5", "x", "nan", "inf"]),
        ("ageing", ["-1", "x", "nan", "inf", "86401"]),
        ("beat_timeout", ["0", "-1", "nan"]),
        ("heartbeat_interval", ["5.1", "0"]),
        ("quantize", ["7", "8.5", "x"]),
        ("cache_bytes", ["-1", "2TB", "x", "nan"]),
        ("base_memory", ["0", "x"]),
        ("packs", ["absent"]),
        ("variant", ["absent"]),
    ],
)
def test_what_is_no_value_of_a_setting_is_refused_wherever_it_is_said(
    tmp_path: Path, field: str, wrong: list[str]
) -> None:
    for text in wrong:
        options: dict[str, Any] = {field: text}
        for told in (
            problems(tmp_path, **options),
            problems(tmp_path, {variable_of(field): text}),
            problems(tmp_path, file=f'{field} = "{text}"'),
        ):
            assert len(told) == 1
            assert field in told[0] or fields()[field].option in told[0] or variable_of(field) in told[0]


@pytest.mark.parametrize("value", ["true", "[1]", "{a = 1}", "1979-05-27", '""'])
def test_a_value_of_a_wrong_kind_in_a_file_is_refused(tmp_path: Path, value: str) -> None:
    for field in fields():
        if (field, value) != ("bases", "{a = 1}") and (fields()[field].kind, value) != ("flag", "true"):
            [told] = problems(tmp_path, file=f"{field} = {value}")
            assert told.startswith(f"./kiln.toml:1: {field}: ")


def test_a_number_of_any_length_in_a_file_is_refused(tmp_path: Path) -> None:
    for field, told in fields().items():
        if told.kind in ("count", "seconds", "size", "bits"):
            [problem] = problems(tmp_path, file=f"{field} = {'9' * 400}")
            assert problem.startswith(f"./kiln.toml:1: {field}: 999")


def test_a_path_that_cannot_be_looked_at_is_refused_with_the_reason(tmp_path: Path) -> None:
    for field, told in fields().items():
        if told.kind in ("folder", "folders", "base", "bases"):
            [problem] = problems(tmp_path, {variable_of(field): "a" * 5000})
            assert problem.startswith(f"${variable_of(field)}: ")
            assert "cannot be looked at: File name too long; set it" in problem


def test_a_path_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    for field in ("socket", "output_dir", "lora_roots"):
        [problem] = problems(tmp_path, {variable_of(field): "\udcff"})
        assert "is not UTF-8" in problem


def test_the_usual_file_is_no_secret_where_nobody_may_look_whether_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "exists", forbidden)
    monkeypatch.setattr(Path, "read_text", forbidden)
    with pytest.raises(click.UsageError, match=r"config\.toml cannot be read: Permission denied; mend it, or name"):
        gather({}, None, around(tmp_path))


def test_the_rules_between_settings_are_told_to_who_broke_them(tmp_path: Path) -> None:
    assert problems(tmp_path, {"KILNMARK_QUANTIZE": "8"}) == [
        "$KILNMARK_QUANTIZE: standin holds thin factors and cannot be quantized; leave quantize out"
    ]
    [told] = problems(tmp_path, bases=("one=a", "two=a"))
    assert told.startswith("--base: './a' has two names")


def test_what_could_not_be_read_is_not_blamed_on_others(tmp_path: Path) -> None:
    [told] = problems(tmp_path, variant="absent", quantize="8")
    assert told.startswith("--variant: 'absent' is neither a directory nor one of standin, dev")


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    env = {"KILNMARK_PACK": "a", "KILNMARK_AGEING": "x"}
    told = problems(tmp_path, env, "queue_limits = 1\nbatch_delay = -1", stack_cache_bytes="x")
    assert [line.partition(": ")[0] for line in told] == [
        "./kiln.toml:1",
        "$KILNMARK_PACK",
        "$KILNMARK_AGEING",
        "--stack-cache",
        "./kiln.toml:2",
    ]


@pytest.mark.parametrize("text", ["queue_limit = ", "queue_limit = 1\nqueue_limit = 2", "\x00"])
def test_a_file_that_is_no_toml_is_told_by_its_name(tmp_path: Path, text: str) -> None:
    [told] = problems(tmp_path, file=text)
    assert told.startswith("./kiln.toml is no TOML: ")


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    for config, env in (("absent.toml", {}), (None, {"KILNMARK_CONFIG": "absent.toml"})):
        with pytest.raises(click.UsageError, match=r"absent\.toml cannot be read: No such file.*--config"):
            gather({}, config, around(tmp_path, **env))


def test_bounds_are_those_of_the_model() -> None:
    assert expected("heartbeat_interval") == "a number of seconds above 0 up to 5"
    assert expected("ageing") == "a number of seconds from 0 up to 86,400"


def test_a_daemon_that_is_started_at_the_root_does_not_read_the_whole_disk_unless_told_to(tmp_path: Path) -> None:
    root = replace(around(tmp_path), here=Path("/"))
    assert gather({}, None, root).settings.lora_roots == (tmp_path / "home/.local/share/kilnmark/loras",)
    assert gather({"lora_roots": ("/",)}, None, root).settings.lora_roots == (Path("/"),)
