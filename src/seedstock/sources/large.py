"""Files of more rows than are to be held: a random sample of them, and the rows that repeat others among all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.sources._raw import RawTable

MOST_REPEATS = 100_000
"""Repeating rows that are named; all of them are counted."""
_SMALL_BYTES = 16 * 2**20
_TEXTS = frozenset({".csv", ".tsv", ".tab", ".txt"})


@dataclass(frozen=True, eq=False)
class Large:
    """A sample of a file's rows, and what was counted in all of them.

    Attributes
    ----------
    raw : RawTable
        The sampled rows.
    rows : int64 ndarray, shape (m,)
        Their places in the file, 0-based and ascending.
    of : int
        Rows of the file.
    repeats : int64 ndarray
        Rows, of all, that equal an earlier one in every cell; the first `MOST_REPEATS`.
    n_repeats : int
    pairs : float
        Pairs of equal rows, of all.
    """

    raw: RawTable
    rows: NDArray[np.int64]
    of: int
    repeats: NDArray[np.int64]
    n_repeats: int
    pairs: float


class Thinner:
    """Keeps a random sample of a table of the engine, once its equal rows are counted there."""

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.seed = most, seed
        self.of = 0
        self.n_repeats, self.pairs = 0, 0.0
        self.rows = self.repeats = np.zeros(0, np.int64)

    def __call__(self, con: Any, source: str, row: str, first: bool = False) -> bool:
        """Make the engine's table ``thin`` of some rows of `source`, in their order; tell whether it is needed.

        Parameters
        ----------
        con : connection of the engine
        source : str
            What stands behind FROM.
        row : str
            The expression of a row's number.
        first : bool
            Always keep the first row, which may be a header.
        """
        (self.of,) = con.execute(f"SELECT count(*) FROM {source}").fetchone()
        if self.of <= self.most:
            return False
        limit = int(self.most / self.of * 2**64)
        kept = f"hash({row} + {self.seed % 2**31}) < {limit}::UBIGINT" + (f" OR {row} = 0" if first else "")
        con.execute(f"CREATE TABLE kept AS SELECT {row} AS r FROM {source} WHERE {kept} ORDER BY r")
        con.execute(f"CREATE TABLE thin AS SELECT s.* FROM {source} AS s WHERE {kept} ORDER BY {row}")
        self.rows = _numbers(con, "SELECT r FROM kept")
        # 64 bits a row, spilt to disk beyond the engine's memory.
        cells = [str(c[0]).replace('"', '""') for c in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
        whole = ", ".join(f'"{c}"' for c in cells if c != row)
        con.execute(f"CREATE TABLE hashes AS SELECT {row} AS r, hash({whole}) AS h FROM {source}")
        con.execute("CREATE TABLE often AS SELECT h, count(*) AS c FROM hashes GROUP BY h HAVING count(*) > 1")
        n, pairs = con.execute(
            "SELECT coalesce(sum(c - 1), 0), coalesce(sum(c * (c - 1) / 2.0), 0) FROM often"
        ).fetchone()
        self.n_repeats, self.pairs = int(n), float(pairs)
        if n:
            later = "SELECT r, row_number() OVER (PARTITION BY h ORDER BY r) AS k FROM hashes SEMI JOIN often USING (h)"
            found = f"SELECT r FROM ({later}) WHERE k > 1 ORDER BY r LIMIT {MOST_REPEATS}"
            self.repeats = _numbers(con, found)
        return True


def _numbers(con: Any, query: str) -> NDArray[np.int64]:
    return np.asarray(next(iter(con.execute(query).fetchnumpy().values())), np.int64)


def read_large(path: Path, most: int, seed: int = 0) -> Large | None:
    """Read at most about `most` rows, drawn at random, of a Parquet file or of delimited text.

    Returns
    -------
    Large or None
        None where the file is of another kind, or has no more rows than that: read it whole.

    Raises
    ------
    InputError
        The file is damaged, or `most` is below 1,000.
    """
    if most < 1_000:
        raise InputError(f"the most rows to hold must be 1,000 or more, not {most}")
    try:
        if not path.is_file() or path.stat().st_size < min(_SMALL_BYTES, most):
            return None
        with path.open("rb") as file:
            head = file.read(4)
    except (OSError, ValueError):
        return None  # whoever reads it whole says what is wrong
    what, thin = repr(path.name[:100]), Thinner(most, seed)
    suffix = path.suffix.lower()
    if head == b"PAR1":
        from seedstock.sources.files import read_parquet

        form, raw = "parquet", read_parquet(path, what, thin)
    elif suffix in _TEXTS and head[:1] not in (b"{", b"["):
        from seedstock.sources.flows import as_flows
        from seedstock.sources.plain import read_plain_text

        form, raw = "csv", as_flows(read_plain_text(path, what, "\t" if suffix in (".tsv", ".tab") else None, thin))
    else:
        return None
    if thin.of <= most:
        return None
    header = int(bool(raw.origin.get("read_options", {}).get("header")))
    origin = {
        "path": path.name,
        "format": form,
        "bytes": path.stat().st_size,
        **raw.origin,
        "sampled_of": thin.of - header,
    }
    rows = thin.rows[header:] - header
    note = f"{len(rows):,} of {thin.of - header:,} rows, drawn at random, were looked at; repeats were counted in all."
    raw = replace(raw, origin=origin, notes=(*raw.notes, note))
    return Large(raw, rows, thin.of - header, thin.repeats - header, thin.n_repeats, thin.pairs)
