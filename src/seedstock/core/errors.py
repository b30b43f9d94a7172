"""Errors that say the rule, the evidence and the way out, in one line.

Every error that a user can cause is a `SeedstockError`; the command line prints its text and leaves with
its `exit_code`. Anything else is a defect of Seedstock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

_LINES = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


class SeedstockError(Exception):
    """Base of all errors that a user can mend.

    >>> print(SeedstockError("no column 'a\\nb'"))
    no column 'a b'
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str = "", *more: object) -> None:
        # Names of columns and cells stand in messages, and may hold anything.
        super().__init__(_LINES.sub(" ", message), *more)


class InputError(SeedstockError, ValueError):
    """The input or the arguments are wrong."""


class MissingExtraError(SeedstockError, ImportError):
    """An optional library is not installed; the text names the extra that brings it."""


class ResourceError(SeedstockError, RuntimeError):
    """Memory, disk or time ran out, or the run was interrupted."""

    exit_code: ClassVar[int] = 3


class ShortfallError(SeedstockError, RuntimeError):
    """Fewer rows than asked could be drawn under the given conditions.

    Attributes
    ----------
    acceptance : float
        Share of the candidate rows that met the conditions, 0 to 1.
    rows : tuple of int
        Which of the rows that were asked could not be drawn, as far as that is known.
    """

    def __init__(self, message: str, acceptance: float, rows: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.acceptance = acceptance
        self.rows = tuple(rows)
