"""What all commands share: exit codes, one-line errors, and text that cannot harm a terminal."""

from __future__ import annotations

import errno
import functools
import json
import os
import sys
import unicodedata
import warnings
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, ParamSpec

import typer

from seedstock.core.errors import SeedstockError
from seedstock.progress import RichProgress, Shown

DONE, SHORT, WRONG, STOPPED = 0, 1, 2, 3
"""Exit codes: done; done, and what was checked fell short; wrong input; interrupted or out of resources."""

P = ParamSpec("P")

Seed = Annotated[int | None, typer.Option("--seed", help="The same seed gives the same rows.", show_default="0")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Key = Annotated[
    str | None, typer.Option("--key", metavar="FILE", help="Key file of the mark.", show_default="the project's own")
]
NoMark = Annotated[bool, typer.Option("--no-mark", help="Leave the mark out of the values; the record says so.")]
Real = Annotated[bool, typer.Option("--real", help="Your word that no row is synthetic, for the record.")]
Override = Annotated[
    str | None, typer.Option("--override", metavar="REASON", help="Learn from synthetic rows all the same, and why.")
]
KeepAddresses = Annotated[
    bool, typer.Option("--keep-addresses", help="Learn real IP and MAC addresses and names of machines as they are.")
]
KeepPersonal = Annotated[
    bool, typer.Option("--keep-personal", help="Learn real names, e-mail addresses, phones of people as they are.")
]
Also = Annotated[
    list[str] | None, typer.Option("--also", metavar="FILE", help="More rows of the same table. Repeatable.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Target = Annotated[str | None, typer.Option("--target", "-t", metavar="COLUMN", help="The column a model is to learn.")]
SchemaFile = Annotated[
    str | None, typer.Option("--schema", metavar="FILE", help="What the columns are: a TOML or JSON schema file.")
]
Data = Annotated[str, typer.Argument(metavar="DATA", help="CSV, TSV, JSON lines, Parquet, Arrow or Excel.")]


Size = Annotated[
    int | None, typer.Option("--size", metavar="PIXELS", help="Height and width of images.", show_default="their own")
]
MaxMinutes = Annotated[
    float | None, typer.Option("--max-minutes", help="How long a neural generator may learn.", show_default="its own")
]
Privacy = Annotated[
    str | None,
    typer.Option(
        "--privacy", help="low, standard or high: the forest between likeness and memory.", show_default="standard"
    ),
]
Epsilon = Annotated[
    float | None,
    typer.Option("--epsilon", help="Differential privacy with this budget: rows with a proof.", show_default="none"),
]
Delta = Annotated[float | None, typer.Option("--delta", help="Of the privacy budget.", show_default="1e-9")]


Entity = Annotated[
    str | None, typer.Option("--entity", metavar="COLUMN", help="Whose events the rows are: host, user, session.")
]
Order = Annotated[
    str | None, typer.Option("--order", metavar="COLUMN", help="When they happened: with it, rows are a sequence.")
]


def roles_of(roles: list[str] | None, entity: str | None, order: str | None) -> list[str]:
    """Return all that was said of roles, as COLUMN=ROLE.

    >>> roles_of(["shop=group"], "host", None)
    ['shop=group', 'host=entity']
    """
    named = {"entity": entity, "order": order}
    return [*(roles or []), *(f"{column}={role}" for role, column in named.items() if column is not None)]


def printable(text: object) -> str:
    """Return text on one line, with everything that could steer a terminal shown instead of obeyed.

    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return "".join(c if c == " " or _harmless(c) else _escape(c) for c in str(text))


def _harmless(c: str) -> bool:
    # Cc, Cf, Cs, Co, Cn: controls, invisible format marks (text direction among them), surrogates, unassigned.
    return unicodedata.category(c)[0] != "C" and unicodedata.category(c) not in ("Zl", "Zp")


def _escape(c: str) -> str:
    return c.encode("unicode_escape").decode("ascii")


def complain(text: object) -> None:
    """Print one line on stderr."""
    line = printable(" ".join(str(text).split("\n")).strip())
    sys.stderr.write(f"seedstock: {line}\n")


def say(text: object = "") -> None:
    """Print one line on stdout."""
    sys.stdout.write(f"{text}\n")


def print_json(value: Any) -> None:
    """Print the one JSON document of a command; ASCII, so that no terminal can be steered by it."""
    json.dump(value, sys.stdout, allow_nan=False)
    sys.stdout.write("\n")


def door(command: Callable[P, int]) -> Callable[P, None]:
    """Make a function that returns an exit code a command: whatever goes wrong is one line and a code."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        shown = Shown()
        try:
            with shown:
                code = command(*args, **kwargs)
                sys.stdout.flush()
        except SeedstockError as error:
            kept = f"; {shown.what_is_kept()}" if shown.kept else ""
            _leave(error.exit_code, f"{error}{kept}")
        except KeyboardInterrupt:
            _leave(STOPPED, f"interrupted{shown.stage_now()}; {shown.what_is_kept()}")
        except MemoryError:
            _leave(STOPPED, f"the memory did not suffice{shown.stage_now()}; ask for fewer rows, or take a sample")
        except BrokenPipeError:
            # Whoever read the output has closed it: nothing more is wanted.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(DONE) from None
        except OSError as error:
            _leave(*_of_system(error, shown))
        except Exception as error:  # a defect: still one line, and the way to see more
            if os.environ.get("SEEDSTOCK_TRACEBACK"):
                raise
            _leave(
                STOPPED,
                f"a defect of Seedstock{shown.stage_now()} ({type(error).__name__}: {str(error)[:200]}); "
                f"set SEEDSTOCK_TRACEBACK=1 to see where, and please report it",
            )
        raise typer.Exit(code)

    return guarded


def _of_system(error: OSError, shown: Shown) -> tuple[int, str]:
    where = f" {error.filename!r}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return STOPPED, f"the disk is full{where}; free some space and run again; {shown.what_is_kept()}"
    if error.errno in (errno.ENOMEM, errno.EMFILE):
        return STOPPED, f"out of resources: {error.strerror}"
    return WRONG, f"cannot read or write{where}: {error.strerror or error}"


def _leave(code: int, text: object) -> NoReturn:
    complain(text)
    raise typer.Exit(code) from None


def progress(json_out: bool, quiet: bool) -> RichProgress:
    """Return the progress of the running command: on stderr, only where a person is watching."""
    return RichProgress(visible=not json_out and not quiet and sys.stderr.isatty())
