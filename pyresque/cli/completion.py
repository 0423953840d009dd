"""The command ``completion``: the script that makes a shell complete ``pyresque``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    bash and zsh: eval "$(pyresque completion bash)"; fish: pyresque completion fish | source
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(f"there is no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "pyresque", "_PYRESQUE_COMPLETE").source())
