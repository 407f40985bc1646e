"""The `doctor` command: what is right and wrong with kilnmark on this machine, and what to do about it."""

import click

from kilnmark.client.cli.commands.serve import config_option
from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.settings.options import SettingsCommand, gathered
from kilnmark.client.cli.views.document import write_document
from kilnmark.client.dial import socket_path

__all__ = ["doctor"]


@click.command(cls=SettingsCommand)
@config_option
@click.option("--online", is_flag=True, help="Ask the Hugging Face hub whether it gives a gated base to you.")
@json_option
def doctor(config: str | None, *, online: bool, as_json: bool, **options: object) -> None:
    """Say what is wrong on this machine, and what to do.

    It looks at the installation, the back end, the daemon, its base, folders, journal and packs, and the collector of
    traces. It takes the options of `serve`, and looks at the daemon that runs at the socket, else at the one that
    `serve` would start here. Nothing is changed. The exit code is 1 with a fault, 4 with warnings alone, else 0.
    """
    from kilnmark.client.cli.doctor.examine import examine
    from kilnmark.client.cli.doctor.patient import Patient
    from kilnmark.client.cli.views.doctor import show_doctor
    from kilnmark.client.cli.views.tables import console

    named = options.get("socket")
    try:
        found = gathered(options, config)
        settings, problem = found.settings, ""
        named = None if found.said["socket"].origin == "default" else found.settings.socket
    except click.UsageError as error:
        _refuse_options(config, error)
        settings, problem = None, error.format_message()
    document = examine(Patient(socket_path(None if named is None else str(named)), settings, problem, online=online))
    if as_json:
        write_document(document)
    else:
        show_doctor(console(), document)
    click.get_current_context().exit(document.exit_code)


def _refuse_options(config: str | None, error: click.UsageError) -> None:
    """Raise the error where this command line alone is wrong; a wrong file or variable is what the doctor is for."""
    try:
        gathered({}, config)
    except click.UsageError:
        return
    raise error
