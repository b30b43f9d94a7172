"""Findings of a sample of rows, told of the rows of the whole file; and repeats that were counted in all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import compared, counted, hash_table
from seedstock.checks._chance import Chance, chance_of_all
from seedstock.core.results import Finding
from seedstock.core.table import Dataset

_ROWS_OF = ("ranked",)


def of_file(findings: Sequence[Finding], rows: NDArray[np.int64]) -> list[Finding]:
    """Return findings with the numbers that their rows have in the file.

    Parameters
    ----------
    findings : sequence of Finding
        About the sampled rows.
    rows : int64 ndarray, shape (m,)
        Each sampled row's number in the file.

    Examples
    --------
    >>> found = Finding("outliers", "t", "x", (0, 2), "low", 0.5, "m", "f")
    >>> of_file([found], np.array([10, 25, 31]))[0].rows
    (10, 31)
    """
    out = []
    for f in findings:
        details = {k: rows[list(v)].tolist() if k in _ROWS_OF and v else v for k, v in f.details.items()}
        if "pairs" in details and isinstance(details["pairs"], list):
            # The second of a pair that crosses a split is a row of the other file.
            last = 1 if details.get("kind") == "near" else 2
            details["pairs"] = [[*rows[p[:last]].tolist(), *p[last:]] for p in details["pairs"]]
        edits = tuple(replace(e, row=int(rows[e.row])) for e in f.edits)
        out.append(replace(f, rows=tuple(rows[list(f.rows)].tolist()) if f.rows else (), edits=edits, details=details))
    return out


def repeats_of_all(data: Dataset, of: int, repeats: NDArray[np.int64], n_repeats: int, pairs: float) -> list[Finding]:
    """Return a finding of rows that equal an earlier one in every cell, where chance does not explain them.

    Parameters
    ----------
    data : Dataset
        The sampled rows, from which is judged how fine the table is.
    of : int
        Rows of the file.
    repeats : int64 ndarray
        Rows that repeat an earlier one; perhaps not all.
    n_repeats : int
        How many there are.
    pairs : float
        Pairs of equal rows.
    """
    if not n_repeats:
        return []
    names = compared(data)
    fine = bool(data.columns.of_kind("id")) or not names
    expected = 0.0 if fine else chance_of_all(hash_table(data.table, names), of)
    chance = Chance(pairs, expected)
    if not chance.odd:
        return []
    share = n_repeats / of
    more = "" if len(repeats) == n_repeats else f" The first {len(repeats):,} are listed."
    given = "less than one" if expected < 1 else f"about {expected:,.0f}"
    return [
        Finding(
            "duplicates", data.name, None, tuple(repeats.tolist()), "high" if share >= 0.005 else "medium",
            float(np.clip(chance.excess, 0.5, 0.999)),
            f"{counted(n_repeats, 'row')} ({share:.2%}) of all {of:,} repeat an earlier row in every cell; chance "
            f"would give {given} such pair.{more}",
            "Remove the repeats; the first of each stays.",
            details={"pairs": pairs, "chance_pairs": expected, "looked_at": "all rows"},
        )
    ]  # fmt: skip
