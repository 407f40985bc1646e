"""The `completion` command: what a shell has to read to complete the names of commands and options."""

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print what lets a shell complete commands and options.

    \b
      ~/.bashrc                    eval "$(kilnmark completion bash)"
      ~/.zshrc                     eval "$(kilnmark completion zsh)"
      ~/.config/fish/config.fish   kilnmark completion fish | source
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    root = click.get_current_context().find_root()
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"nothing is known of the shell {shell!r}; use one of {', '.join(_SHELLS)}")
    click.echo(found(root.command, {}, "kilnmark", "_KILNMARK_COMPLETE").source())
