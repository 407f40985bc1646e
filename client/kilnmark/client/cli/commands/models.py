"""The `models` commands: which models there are, what is here of each, how one is fetched and removed.

What they know and do stands in `client/cli/models`; here it is asked for and told.
"""

import difflib
import os
from typing import TYPE_CHECKING

import click
import msgspec

from kilnmark.client.cli.commands.serve import config_option
from kilnmark.client.cli.options import json_option, socket_option
from kilnmark.client.cli.settings.options import gathered
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.client.dial import socket_path
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.family import Variant

if TYPE_CHECKING:
    from kilnmark.client.cli.doctor.patient import Patient
    from kilnmark.client.cli.models.documents import PublishedDocument

__all__ = ["models"]


def _variant(ctx: click.Context, param: click.Parameter, value: str) -> Variant:
    """The row of a variant's name, or of the repository that it is published in; what is nearly one is told."""
    wanted = value.casefold()
    names = {row.repository.casefold(): row for row in VARIANTS.values() if row.repository}
    names |= {name.casefold(): row for name, row in VARIANTS.items()}
    if wanted not in names:
        near = difflib.get_close_matches(wanted, names, 1)
        known = f"did you mean {names[near[0]].name}?" if near else f"known are {', '.join(VARIANTS)}"
        raise click.BadParameter(f"{value!r} is no known model; {known}", ctx, param)
    return names[wanted]


def _variants(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Variant, ...]:
    """The row of each, once."""
    return tuple({row.name: row for row in (_variant(ctx, param, value) for value in values)}.values())


@click.group()
def models() -> None:
    """Show which models there are and are here; fetch, remove them."""


@models.command(name="list")
@config_option
@json_option
def list_models(config: str | None, *, as_json: bool) -> None:
    """List every model: is it here, how large, does it fit.

    Its licence is told too, and in which form it fits into memory. Nothing is fetched and nobody is asked but this
    machine. Memory is that of a daemon started here, with the settings of variables and file.
    """
    from kilnmark.client.cli.models.survey import survey
    from kilnmark.client.cli.views.models import show_models
    from kilnmark.client.cli.views.tables import console

    document = survey(_patient(config))
    if as_json:
        write_document(document)
    else:
        show_models(console(), document)


@models.command()
@click.argument("model")
@config_option
@click.option("--online", is_flag=True, help="Ask the hub, too, what it has of it and what is still to be fetched.")
@json_option
@click.pass_context
def info(ctx: click.Context, model: str, config: str | None, *, online: bool, as_json: bool) -> None:
    """Show all that is known of MODEL.

    That is also what it takes in memory at every quantization. A name under which the settings have a directory is that
    directory.
    """
    from kilnmark.client.cli.models.survey import directories_of, room_of, tell_directory, tell_model
    from kilnmark.client.cli.views.models import show_model
    from kilnmark.client.cli.views.tables import console

    patient = _patient(config)
    if (path := directories_of(patient.settings).get(model)) is not None:
        document = tell_directory(model, path, room_of(patient))
    else:
        variant = _variant(ctx, ctx.command.params[0], model)
        published = _asked(variant, patient) if online else None
        document = msgspec.structs.replace(tell_model(variant, room_of(patient), patient.env), published=published)
    if as_json:
        write_document(document)
    else:
        show_model(console(), document)


def _asked(variant: Variant, patient: "Patient") -> "PublishedDocument":
    from kilnmark.client.cli.models.published import ask_hub
    from kilnmark.client.cli.models.pull import published_document
    from kilnmark.client.cli.models.site import site_of

    return published_document(variant, ask_hub(variant, site_of(patient.env)), patient.env)


@models.command()
@click.argument("model", callback=_variant)
@click.option("--verify", is_flag=True, help="Check whole files that are here, too, and fetch damaged ones again.")
@json_option
def pull(model: Variant, *, verify: bool, as_json: bool) -> None:
    """Fetch what is missing of MODEL.

    It goes into the cache of the Hugging Face libraries. It can be stopped at any moment; done again, it goes on from
    there. Every file is checked. For a model whose licence has to be accepted it takes the token of `hf auth login` or
    $HF_TOKEN.
    """
    from kilnmark.client.cli.models.pull import pull as pull_model
    from kilnmark.client.cli.models.site import site_of
    from kilnmark.client.cli.views.models import bytes_bar, show_pulled
    from kilnmark.client.cli.views.tables import console

    site = site_of(os.environ)
    try:
        with bytes_bar(model.name) as moved:
            document = pull_model(model, site, os.environ, moved, verify=verify)
    except KeyboardInterrupt:
        write_line("what came is kept, and the same command goes on from there", aside=True)
        raise
    if as_json:
        write_document(document)
    else:
        show_pulled(console(), document)


@models.command()
@click.argument("wanted", metavar="MODEL...", nargs=-1, required=True, callback=_variants)
@click.option("--yes", is_flag=True, help="Ask nobody.")
@config_option
@socket_option
@json_option
def remove(wanted: tuple[Variant, ...], config: str | None, *, yes: bool, socket: str | None, as_json: bool) -> None:
    """Remove the files that only these models use; asks first.

    They are in the cache of the Hugging Face libraries. Files that other programs keep in the same repositories stay. A
    model that the daemon at the socket serves is not removed.
    """
    from kilnmark.client.cli.models.removal import plan_removal, refuse_models_in_use, remove_models
    from kilnmark.client.cli.views.models import show_removed
    from kilnmark.client.cli.views.tables import console

    if as_json and not yes:
        raise click.UsageError("with --json nobody is asked; give --yes, too")
    patient = _patient(config, socket)
    removal = plan_removal(wanted, patient.env)
    refuse_models_in_use(wanted, patient)
    if not yes:
        show_removed(console(stderr=True), removal.document(removed=False))
        click.confirm("Remove it?", abort=True, err=True)
        refuse_models_in_use(wanted, _patient(config, socket))  # an answer may take its time
    document = remove_models(removal)
    if as_json:
        write_document(document)
    else:
        show_removed(console(), document)


def _patient(config: str | None, socket: str | None = None) -> "Patient":
    """This machine, with the daemon that would be started here."""
    from kilnmark.client.cli.doctor.patient import Patient

    found = gathered({}, config)
    is_said = found.said["socket"].origin != "default"
    return Patient(socket or socket_path(found.settings.socket if is_said else None), found.settings)
