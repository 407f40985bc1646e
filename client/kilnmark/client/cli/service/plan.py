"""What the service is to run: a command of absolute paths, the variables beside it, and the numbers a manager asks for.

Whoever starts a service has none of the options, variables and folders of the person who installs it. What they said
becomes options of the service's own command; what other programs read is carried beside it, and what is secret is not
written down, but named. The words of systemd and launchd are not known here.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kilnmark.client.cli.folders import data_folder
from kilnmark.client.cli.service.errors import UnfitForService
from kilnmark.client.cli.settings.gather import Gathered, Surroundings
from kilnmark.client.cli.settings.sources import fields
from kilnmark.protocol.settings import Told
from kilnmark.protocol.xdg import xdg_folder

__all__ = ["CarriedSetting", "ServicePlan", "plan_service"]

FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
"""Say where a user's files are; one that is no absolute path says nothing, and is not carried."""

OTHERS = (
    "HUGGINGFACE_HUB_CACHE",
    "TRANSFORMERS_OFFLINE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_HOME",
    "CUDA_PATH",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""What libraries under the daemon read."""

PREFIXES = ("HF_", "MLX_", "OTEL_")

SECRETS = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)
"""What may hold a secret, as do the headers that OpenTelemetry sends."""


KEEPS = "keep_failed"
"""What a service does unless somebody says otherwise: what is missing of its base may come, and who asks is told why;
to be started again and again would help nobody."""


@dataclass(frozen=True)
class CarriedSetting:
    """A setting that somebody said, and that the service's command says now.

    Attributes:
        option: As the command has it.
        where: Who said it: `$KILNMARK_VARIANT`, or an option.
    """

    option: str
    where: str


@dataclass(frozen=True)
class ServicePlan:
    """One service.

    Attributes:
        command: Its words; the first is an absolute path.
        variables: Given to it beside what its manager gives.
        folder: Where it is started, and reads adapters unless a setting says where.
        socket: Where it listens; its manager may bind that for it.
        drain: Seconds that it may paint on after it was told to end.
        settings: What was said by options and variables.
        secrets: Variables that are set here and that it does not get.
        cache: The folder for caches that its interpreter is in, which may be emptied any time; None: it is in none.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str]
    folder: Path
    socket: Path
    drain: float
    settings: tuple[CarriedSetting, ...]
    secrets: tuple[str, ...]
    cache: Path | None = None


def plan_service(found: Gathered, around: Surroundings) -> ServicePlan:
    """The service of the daemon that `kilnmark serve` would start here.

    Raises:
        UnfitForService: a value has characters that are none to look at, or the socket's end is lost in a unit.
    """
    said = [name for name, each in found.said.items() if each.origin in ("option", "environment")]
    options = [] if found.file is None else ["--config", str(found.file)]
    for name in dict.fromkeys(["socket", *said]):
        options += _options(fields()[name], getattr(found.settings, name))
    if found.said[KEEPS].origin == "default":
        options.append(fields()[KEEPS].option)
    plan = ServicePlan(
        command=(sys.executable, "-P", "-m", "kilnmark.client.cli", "serve", *options),
        variables={name: value for name, value in sorted(around.env.items()) if _is_carried(name, around.env)},
        folder=data_folder(around.env, platform=around.platform, home=around.home),
        socket=found.settings.socket,
        drain=found.settings.drain_timeout,
        settings=tuple(CarriedSetting(fields()[name].option, found.said[name].where) for name in said),
        secrets=tuple(name for name, value in sorted(around.env.items()) if value and _is_secret(name)),
        cache=next((folder for folder in _caches(around) if Path(sys.executable).is_relative_to(folder)), None),
    )
    for what, value in _texts(plan):
        if not value.isprintable():
            raise UnfitForService(what, value)
    if str(plan.socket).endswith((" ", "\\")):  # systemd takes a blank away, and the next line for more of this one
        raise UnfitForService("the socket", str(plan.socket), "a socket that ends in a blank or a backslash")
    return plan


def _caches(around: Surroundings) -> Iterator[Path]:
    """Where programs that are run without being installed lie, as by `uvx` or `pipx run`."""
    named = (xdg_folder(around.env, "XDG_CACHE_HOME"), around.env.get("UV_CACHE_DIR"))
    yield from (Path(folder) for folder in named if folder)
    yield from (around.home / ".cache", around.home / "Library" / "Caches")


def _options(told: Told, value: Any) -> Iterator[str]:
    """An option with its value, as `serve` reads it; several of one that is repeated."""
    match value:
        case dict():
            texts = [name if name == place else f"{name}={place}" for name, place in value.items()]
        case bool():
            yield from [told.option] if value else ()
            return
        case tuple():
            texts = [str(each) for each in value]
        case _:
            texts = [str(value)]
    for text in texts:
        yield from (told.option, text)


def _is_carried(name: str, env: Mapping[str, str]) -> bool:
    if name in FOLDERS:
        return xdg_folder(env, name) is not None
    return bool(env[name]) and (name in OTHERS or name.startswith(PREFIXES)) and not _is_secret(name)


def _is_secret(name: str) -> bool:
    return name in SECRETS or (name.startswith("OTEL_") and name.endswith("_HEADERS"))


def _texts(plan: ServicePlan) -> Iterator[tuple[str, str]]:
    yield from (("a word of the command", word) for word in plan.command)
    yield from ((f"${name}", value) for name, value in plan.variables.items())
    yield "the folder for data", str(plan.folder)
    yield "the socket", str(plan.socket)
