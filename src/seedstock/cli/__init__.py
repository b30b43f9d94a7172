"""The command line: arguments -> api -> exit code. No logic of its own."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any

import typer

from seedstock.cli import cleaning, filling, grow, labelling, models, origin, physics, proof, quality
from seedstock.cli._door import DONE, STOPPED, WRONG, complain

app = typer.Typer(
    name="seedstock",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    grow.demo,
    grow.grow,
    quality.check,
    cleaning.clean,
    filling.impute,
    labelling.label,
    labelling.categories,
    models.fit,
    models.sample,
    models.score,
    quality.judge,
    proof.prove,
    origin.trace,
    origin.register,
):
    app.command()(command)
app.add_typer(physics.app)


@app.callback(invoke_without_command=True)
def seedstock(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Grow training data from a small, real, imperfect data set, with proof of how good it is."""
    if version:
        from importlib.metadata import version as of

        sys.stdout.write(f"seedstock {of('seedstock')}\n")
    elif context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


def main(args: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        code = app(args=args, prog_name="seedstock", standalone_mode=False)
    except KeyboardInterrupt:
        complain("interrupted; nothing was written")
        return STOPPED
    except Exception as error:
        # Typer's errors of usage; those of the commands end in their door.
        if not hasattr(error, "format_message"):
            raise
        context: Any = getattr(error, "ctx", None)
        where = context.command_path if context is not None else "seedstock"
        complain(f"{error.format_message().rstrip('.')}; see `{where} --help`")
        return WRONG
    return code if isinstance(code, int) else DONE


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt
