"""The `service` commands: the daemon as a service of this user's, begun by systemd or launchd.

What is written and run stands in `client/cli/service`; here it is asked for and told.
"""

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.commands.serve import config_option, require_daemon, require_packs
from kilnmark.client.cli.options import WholeNumber, json_option
from kilnmark.client.cli.service.documents import (
    InstalledService,
    LoggedService,
    PlannedService,
    ServiceDocument,
    ServiceFile,
)
from kilnmark.client.cli.settings.options import SettingsCommand, gathered, surroundings
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.printable import printable_lines

if TYPE_CHECKING:
    from kilnmark.client.cli.service.manager import Manager, ServiceState
    from kilnmark.client.cli.service.plan import ServicePlan
    from kilnmark.client.cli.service.programs import Step
    from kilnmark.client.cli.service.service import Placed

__all__ = ["service"]

force_option = click.option("--force", is_flag=True, help="Also where a file was edited, or is somebody else's.")
print_option = click.option(
    "--print", "only_print", is_flag=True, help="Show what would be written and run, and change nothing."
)


@click.group()
def service() -> None:
    """Let systemd or launchd run the daemon for you.

    It does from each login, or start of the machine, on.
    """


@service.command(cls=SettingsCommand)
@config_option
@force_option
@print_option
@json_option
def install(config: str | None, *, force: bool, only_print: bool, as_json: bool, **options: object) -> None:
    """Write the service's files and begin it.

    Done again, nothing changes but what is said anew. It takes the options of `serve`. They and the KILNMARK_ variables
    that are set now become part of the service; the file of settings stays where it is and is read at each start.
    """
    from kilnmark.client.cli.service import service as room
    from kilnmark.client.cli.service.manager import ServiceState
    from kilnmark.client.cli.service.plan import plan_service

    around = surroundings()
    found = gathered(options, config)
    require_packs(found)
    plan = plan_service(found, around)
    manager = room.manager_of(around, must_be_there=not only_print)
    if only_print:
        files = [ServiceFile(path=str(file.path), text=file.text) for file in manager.files(plan)]
        _plan(manager, files, manager.begin(ServiceState(), is_changed=True, drain=plan.drain), as_json=as_json)
        return
    require_daemon()
    placed = room.install(manager, plan, force=force)
    _show_installed(_installed(manager, plan, placed), as_json=as_json)


@service.command()
@force_option
@print_option
@json_option
def uninstall(*, force: bool, only_print: bool, as_json: bool) -> None:
    """End the service and remove its files. Settings, jobs, adapters and pictures stay."""
    from kilnmark.client.cli.service import service as room

    manager = room.manager_of(surroundings(), must_be_there=not only_print)
    if only_print:
        files = [ServiceFile(path=str(path)) for path in manager.paths]
        _plan(manager, files, [*manager.end(), *manager.forget()], as_json=as_json)
        return
    removed = [_placed(each) for each in room.uninstall(manager, force=force)]
    document = InstalledService(manager=manager.name, files=removed)
    if as_json:
        write_document(document)
        return
    for file in removed:
        write_line(f"removed {file.path}")
    if not removed:
        click.echo("the service is not installed")


@service.command()
@print_option
@json_option
def status(*, only_print: bool, as_json: bool) -> None:
    """Show how the service is, and whose its files are. It ends with 69 where no daemon runs."""
    from kilnmark.client.cli.service import service as room

    manager = room.manager_of(surroundings(), must_be_there=not only_print)
    if only_print:
        _print(PlannedService(manager=manager.name, files=[], commands=[shlex.join(manager.shown())]), as_json=as_json)
        return
    manager.probe()
    document = _document(manager, manager.state())
    _show_status(document, as_json=as_json)


@service.command()
@print_option
@json_option
def restart(*, only_print: bool, as_json: bool) -> None:
    """End the daemon and start it anew.

    It finishes what it paints within `drain_timeout` first.
    """
    from kilnmark.client.cli.service import service as room

    manager = room.manager_of(surroundings(), must_be_there=not only_print)
    if only_print:
        _plan(manager, [], manager.again(), as_json=as_json)
        return
    _show_status(_document(manager, room.restart(manager)), as_json=as_json)


@service.command()
@click.option("--lines", type=WholeNumber(1), default=50, show_default=True, metavar="N", help="The last so many.")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@print_option
@json_option
def logs(*, lines: int, follow: bool, only_print: bool, as_json: bool) -> None:
    """Show what the daemon said."""
    from kilnmark.client.cli.service import service as room
    from kilnmark.client.cli.service.errors import ManagerFailed
    from kilnmark.client.cli.service.programs import asked

    if follow and as_json:
        raise click.UsageError("--follow has no end, and --json one document; leave one of them out")
    manager = room.manager_of(surroundings(), must_be_there=not only_print)
    command = manager.log(lines, follow=follow)
    if only_print:
        _print(PlannedService(manager=manager.name, files=[], commands=[shlex.join(command)]), as_json=as_json)
        return
    room.require_installed(manager)
    if not as_json:
        click.get_current_context().exit(_run(command))
    done = asked(command)
    if done.returncode != 0:
        raise ManagerFailed(command, done.stderr.strip())
    write_document(LoggedService(command=shlex.join(command), lines=done.stdout.splitlines()))


def _run(command: Sequence[str]) -> int:
    """With our own streams."""
    from kilnmark.client.cli.service.errors import ManagerFailed

    try:
        return subprocess.call(command)  # noqa: S603 - our own words
    except OSError as error:
        raise ManagerFailed(command, error.strerror or str(error)) from error


def _plan(manager: "Manager", files: list[ServiceFile], steps: "Sequence[Step]", *, as_json: bool) -> None:
    commands = [shlex.join(step.command) for step in steps]
    _print(PlannedService(manager=manager.name, files=files, commands=commands), as_json=as_json)


def _print(document: PlannedService, *, as_json: bool) -> None:
    if as_json:
        write_document(document)
        return
    for file in document.files:
        if file.text is None:
            write_line(f"# {file.path} would be removed")
            continue
        write_line(f"# {file.path}")
        click.echo(printable_lines(file.text))
    for command in document.commands:
        write_line(command)


def _placed(placed: "Placed") -> ServiceFile:
    return ServiceFile(path=str(placed.path), state=placed.became)


def _installed(manager: "Manager", plan: "ServicePlan", placed: "Sequence[Placed]") -> InstalledService:
    return InstalledService(
        manager=manager.name,
        files=[_placed(each) for each in placed],
        command=shlex.join(plan.command),
        socket=str(plan.socket),
        settings={each.option: each.where for each in plan.settings},
        variables=list(plan.variables),
        secrets=list(plan.secrets),
        notes=[*_fleeting(plan), *manager.notes()],
    )


def _fleeting(plan: "ServicePlan") -> Iterator[str]:
    if plan.cache is not None:
        yield f"its Python is in {plan.cache}, and it ends to work when that is emptied; install kilnmark to stay"


def _document(manager: "Manager", state: "ServiceState") -> ServiceDocument:
    from kilnmark.client.cli.service.sealed import state_of

    return ServiceDocument(
        manager=manager.name,
        files=[ServiceFile(path=str(path), state=state_of(path)) for path in manager.paths],
        state=state.state,
        running=state.is_running,
        waits=state.is_bound and not state.is_running,
        pid=state.pid,
        restarts=state.restarts,
        says=state.says,
        notes=list(manager.notes()),
    )


def _show_installed(document: InstalledService, *, as_json: bool) -> None:
    from kilnmark.client.cli.views.service import show_installed
    from kilnmark.client.cli.views.tables import console

    if as_json:
        write_document(document)
    else:
        show_installed(console(), document)


def _show_status(document: ServiceDocument, *, as_json: bool) -> None:
    from kilnmark.client.cli.views.service import show_service
    from kilnmark.client.cli.views.tables import console

    if as_json:
        write_document(document)
    else:
        show_service(console(), document)
    click.get_current_context().exit(ExitCode.DONE if document.running else ExitCode.NO_DAEMON)
