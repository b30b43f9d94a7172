"""Conditions on drawn rows: fixed values, and rare values made common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.rng import BLOCK_ROWS, Rng, blocks
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column, Dataset, Table

TRUE, FALSE = ("true", "yes", "1", "t", "y"), ("false", "no", "0", "f", "n")


@dataclass(frozen=True)
class Rare:
    """A value that is to have a share of the drawn rows."""

    column: str
    value: str
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"the share of {self.column}={self.value} must be above 0 and at most 1, not {self.share}")

    @classmethod
    def parse(cls, text: str) -> Rare:
        """Read ``COLUMN=VALUE:SHARE``.

        >>> Rare.parse("income=>50K:0.5")
        Rare(column='income', value='>50K', share=0.5)
        """
        column, equals, rest = text.partition("=")
        value, colon, share = rest.rpartition(":")
        try:
            number = float(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
        except ValueError:
            number = math.nan
        if not (column and equals and colon) or math.isnan(number):
            raise InputError(f"a rare value is written COLUMN=VALUE:SHARE, such as income=>50K:0.5, not {text!r}")
        return cls(column.strip(), value.strip(), number)


def parse_given(data: Dataset, texts: Mapping[str, Any]) -> dict[str, Column]:
    """Return one cell a column for fixed values, read as the columns' kinds.

    `data` needs no rows but the schema and the columns' types.
    """
    return {name: _cell(data, name, value) for name, value in texts.items()}


def fixed(cells: Mapping[str, Column], n: int) -> Table:
    """Return n rows of the same conditions."""
    rows = np.zeros(n, np.int64)
    return Table({name: cell.take(rows) for name, cell in cells.items()}, n)


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions of any rows of a draw, by row number: the same however the draw is divided.

    Attributes
    ----------
    cells : mapping of str to Column
        Fixed values, one cell each.
    rare : mapping of str to list of (Column of one cell, share)
    pools : mapping of str to Column
        For each column with rare values, the training cells with another value: what the other rows get.
    """

    cells: Mapping[str, Column]
    rare: Mapping[str, Sequence[tuple[Column, float]]]
    pools: Mapping[str, Column]
    rng: Rng

    @classmethod
    def make(cls, train: Dataset, given: Mapping[str, Any] | None, rare: Sequence[Rare], rng: Rng) -> Conditions | None:
        """Return the conditions, or None where there are none."""
        if not given and not rare:
            return None
        by_column: dict[str, list[tuple[Column, float]]] = {}
        pools: dict[str, Column] = {}
        for r in rare:
            if r.column in (given or {}):
                raise InputError(f"column {r.column!r} is fixed by --given and cannot have a rare value as well")
            cell = _cell(train, r.column, r.value)
            by_column.setdefault(r.column, []).append((cell, r.share))
        for name, wanted in by_column.items():
            total = sum(share for _, share in wanted)
            if total > 1 + 1e-9:
                raise InputError(f"the shares of the rare values of {name!r} add up to {total:g}, more than 1")
            column = train.table[name]
            rest = ~column.missing
            for cell, _ in wanted:
                same = _equal(column, cell)
                if not same.any():
                    shown = cell.texts()[0] if cell.is_text else cell.values[0]
                    raise InputError(
                        f"no training row has {name} = {str(shown)!r}, and no model can show what it has never seen; "
                        f"choose a value that occurs"
                    )
                rest &= ~same
            if not rest.any() and total < 1 - 1e-9:
                raise InputError(f"all rows of {name!r} have the rare values; their shares must add up to 1")
            pools[name] = column.take(rest)
        return cls(parse_given(train, given or {}), by_column, pools, rng)

    def __call__(self, n: int, start: int) -> Table:
        """Return the conditions of rows ``start`` to ``start + n``."""
        columns = dict(fixed(self.cells, n).columns)
        for name, wanted in self.rare.items():
            parts = [self._block(name, wanted, block, rows) for block, rows in blocks(n, start)]
            if parts:
                columns[name] = Column.concat(parts)
        return Table(columns, n)

    def _block(self, name: str, wanted: Sequence[tuple[Column, float]], block: int, rows: int) -> Column:
        """Return one block's cells: as many rare values as the share asks for, in random places."""
        g = self.rng.child("rare", name, block).generator()
        first = block * BLOCK_ROWS
        pool = self.pools[name]
        ends = np.cumsum([share for _, share in wanted])
        upto = np.floor((first + rows) * ends + 1e-9) - np.floor(first * ends + 1e-9)
        upto = np.minimum(np.maximum.accumulate(upto), rows).astype(np.int64)
        kind = g.permutation(np.searchsorted(upto, np.arange(rows), side="right"))
        kind[kind == len(wanted)] = -1
        picks = g.integers(max(len(pool), 1), size=rows)
        both = Column.concat([pool, *(cell for cell, _ in wanted)])
        index = np.where(kind < 0, picks, len(pool) + kind)
        return both.take(index)


def _equal(column: Column, cell: Column) -> NDArray[np.bool_]:
    if column.is_text:
        levels = column.levels if column.levels is not None else np.empty(0, object)
        code = np.flatnonzero(levels == cell.texts()[0])
        return np.isin(column.values, code) & ~column.missing
    same: NDArray[np.bool_] = (column.values == cell.values[0]) & ~column.missing
    return same


def _cell(data: Dataset, name: str, value: Any) -> Column:
    """Return a text or Python value as one cell of a column."""
    schema = data.columns[name]
    column = data.table[name]
    if schema.kind in ("id", "image"):
        raise InputError(f"column {name!r} is of kind {schema.kind}, which is never learned; it cannot be a condition")
    if column.is_text:
        return Column.of_texts([str(value)])
    return Column.of(np.array([_read(value, column.values.dtype, schema, name)], dtype=column.values.dtype))


def _read(value: Any, dtype: np.dtype[Any], schema: ColumnSchema, name: str) -> Any:
    text = str(value).strip()
    try:
        if dtype.kind == "b":
            if isinstance(value, bool | np.bool_):
                return bool(value)
            own = schema.format.split("/") if schema.format and schema.format.count("/") == 1 else None
            if own and text in own:
                return text == own[1]
            if text.lower() in TRUE + FALSE:
                return text.lower() in TRUE
            raise ValueError
        if dtype.kind == "M":
            if schema.format:
                from datetime import datetime

                try:
                    return np.datetime64(datetime.strptime(text, schema.format), "us")
                except ValueError:
                    pass
            return np.datetime64(text, "us")
        if dtype.kind == "m":
            return np.timedelta64(round(float(text) * 1e6), "us")
        number = float(text.replace(",", ".")) if "," in (schema.format or "") else float(text)
        if dtype.kind == "i":
            return int(text) if text.lstrip("+-").isdigit() else _whole(number)
        return number
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is no value of column {name!r}, which holds {schema.dtype}") from None


def _whole(number: float) -> int:
    if number != int(number):
        raise ValueError
    return int(number)
