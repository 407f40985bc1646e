"""`kilnmark lab`: every command is there under its name, and loaded when it is asked for."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from kilnmark.lab.cli.main import COMMANDS, lab
from tests.client.here import run_here


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says(name: str) -> None:
    command = lab.get_command(click.Context(lab), name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_a_run_is_made_and_not_made_again(tmp_path: Path) -> None:
    run = tmp_path / "ink"
    words = ["lab", "new", str(run), "--kind", "style", "--dataset", "../set", "--base", "mini"]
    made, again = (run_here(*words) for _ in range(2))
    assert (made.returncode, made.stdout) == (0, f"{run / 'run.toml'}\n")
    assert again.returncode == 2
    assert "there is one already" in again.stderr


def test_the_other_commands_do_not_load_the_lab() -> None:
    proof = "import sys, kilnmark.client.cli.main; assert not [m for m in sys.modules if 'kilnmark.lab' in m]"
    subprocess.run([sys.executable, "-c", proof], check=True)
