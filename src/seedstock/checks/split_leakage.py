"""Leakage across splits: the same or nearly the same rows, entities, groups or identifiers on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._across import near_across, shared_things
from seedstock.checks._cells import compared, counted, hash_cells, hash_table, normal, present_levels
from seedstock.checks._chance import odd_rows
from seedstock.core.results import Finding, Severity
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset

NAME = "split_leakage"
_TRAIN = frozenset({"train", "training", "fit", "dev", "development", "learn"})
_TEST = frozenset({"test", "testing", "holdout", "hold-out", "val", "valid", "validation", "eval", "evaluation"})


@dataclass(frozen=True)
class SplitLeakage:
    """Finds what stands on both sides of a split.

    The other side is `against`, or the rows that a column of the table itself calls test, validation or holdout.
    """

    against: Dataset | None = None

    false_alarms: ClassVar[float] = 0.01
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return findings whose rows are rows of `data`."""
        if self.against is not None:
            return leaks(data, self.against, rng=rng)
        out: list[Finding] = []
        for name in data.columns.of_kind("category", "text", "boolean"):
            sides = _sides(data.table[name])
            if sides is None:
                continue
            train, test = (np.flatnonzero(s) for s in sides)
            out += leaks(data.take(test), data.take(train), skip=(name,), numbers=test, rng=rng)
        return out


def leaks(
    train: Dataset, holdout: Dataset, skip: tuple[str, ...] = (), numbers: NDArray[np.int64] | None = None,
    rng: Rng | None = None,
) -> list[Finding]:  # fmt: skip
    """Find rows of `train` that stand in `holdout` as well or nearly so, and entities and groups on both sides.

    Parameters
    ----------
    train, holdout : Dataset
        One table each. Columns that only one of them has are not compared.
    skip : tuple of str
        Columns not to compare.
    numbers : int64 ndarray or None
        The row numbers of `train` to report; 0 to n-1 by default.
    rng : Rng or None
        None leaves the near-same rows out.

    Returns
    -------
    list of Finding
        Rows are those of `train`.
    """
    table, other = train.table, holdout.table
    names = [c for c in compared(train) if c in other and c not in skip]
    if not names or not len(table) or not len(other):
        return []
    numbers = np.arange(len(table)) if numbers is None else numbers
    out: list[Finding] = []
    cells, others = hash_table(table, names), hash_table(other, names)
    odd, chance = odd_rows(cells, others)
    with np.errstate(over="ignore"):
        same = np.isin(cells.sum(1, dtype=np.uint64), others.sum(1, dtype=np.uint64))
    same &= odd
    if same.any():
        expected = "less than one" if chance.expected < 1 else f"about {chance.expected:,.0f}"
        out.append(
            Finding(
                NAME,
                train.name,
                None,
                tuple(numbers[same].tolist()),
                "high",
                float(np.clip(chance.excess, 0.5, 0.999)),
                f"{counted(int(same.sum()), 'row')} ({same.mean():.2%}) stand on the other side of the split as well; "
                f"chance would give {expected}.",
                "Keep each row on one side only; scores on the other side are too good.",
                details={"kind": "rows", "chance_pairs": chance.expected},
            )
        )
    for role in ("entity", "group"):
        for name in train.columns.with_role(role):
            if name in other and name not in skip:
                out += _shared_entities(train, holdout, name, numbers)
    for name, both, values in shared_things(train, holdout):
        if name not in skip:
            out.append(_shared_thing(train, name, numbers[both], values))
    if rng is not None:
        out += _near(train, holdout, names, np.flatnonzero(same), numbers, rng)
    return out


def _near(
    train: Dataset, holdout: Dataset, names: list[str], same: NDArray[np.int64], numbers: NDArray[np.int64], rng: Rng
) -> list[Finding]:
    found = near_across(train, holdout, names, rng.child("across"))
    if found is None:
        return []
    rows = np.setdiff1d(found.rows, same)  # those that are the same are told of already
    if not len(rows):
        return []
    pairs = found.pairs[~np.isin(found.pairs[:, 0], same)][:20]
    share = len(rows) / found.looked_at
    severity: Severity = "low" if not found.copies else "high" if share >= 0.01 and len(rows) >= 5 else "medium"
    sampled = "" if found.looked_at == len(train.table) else f" Looked at {found.looked_at:,} sampled rows."
    return [
        Finding(
            NAME, train.name, None, tuple(numbers[rows].tolist()),
            severity, 0.8,
            f"{counted(len(rows), 'row')} ({share:.2%}) nearly repeat one on the other side of the split: they agree "
            f"with it in {found.agree:.0%} of the columns, more than any ordinary pair.{sampled}",
            "Put both rows of a pair on one side; scores on the other side are too good.",
            details={"kind": "near", "pairs": [[int(numbers[a]), int(b)] for a, b in pairs]},
        )
    ]  # fmt: skip


def _shared_thing(train: Dataset, name: str, rows: NDArray[np.int64], values: int) -> Finding:
    return Finding(
        NAME, train.name, name, tuple(rows.tolist()), "medium", 0.8,
        f"{counted(values, 'identifier')} of {name!r} ({counted(len(rows), 'row')}) stand on both sides of the split: "
        "the same things, perhaps with other values.",
        f"Split by {name!r}, or say with a schema that it is no identifier.",
        details={"kind": "identifier", "values": values},
    )  # fmt: skip


def _shared_entities(train: Dataset, holdout: Dataset, name: str, numbers: NDArray[np.int64]) -> list[Finding]:
    a, b = train.table[name], holdout.table[name]
    both = np.isin(hash_cells(a), hash_cells(b)) & ~a.missing
    if not both.any():
        return []
    n_both = len(np.unique(hash_cells(a)[both]))
    return [
        Finding(
            NAME,
            train.name,
            name,
            tuple(numbers[both].tolist()),
            "high",
            0.95,
            f"{n_both:,} values of {name!r} ({counted(int(both.sum()), 'row')}) stand on both sides of the split.",
            f"Split by {name!r}, so that each of its values is on one side.",
            details={"kind": "entity", "values": n_both},
        )
    ]


def _sides(column: Column) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return which rows a column calls train and which test, or None where it is no such column."""
    if not column.is_text or len(column.levels if column.levels is not None else ()) > 100:
        return None
    levels, _, codes = present_levels(column)
    words = [normal(t) for t in levels]
    if not words or not set(words) <= _TRAIN | _TEST:
        return None
    train = np.array([w in _TRAIN for w in words])
    if train.all() or not train.any():
        return None
    return (codes >= 0) & train[codes], (codes >= 0) & ~train[codes]


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Add a column that halves the rows into train and test, and copy a share of all rows across."""
    n = len(data.table)
    k = max(1, round(share * n))
    if n < 4 * k + 4 or "split" in data.table:
        return data, None
    places = rng.generator().permutation(n)
    train, test = places[: n // 2], places[n // 2 :]
    index = np.arange(n)
    index[test[:k]] = train[:k]
    side = np.full(n, "train", object)
    side[test] = "test"
    table = data.table.take(index).assign({"split": Column.of_texts(side)})
    columns = TableSchema({**data.columns.columns, "split": ColumnSchema("category")})
    return Dataset({data.name: table}, Schema({data.name: columns})), np.sort(test[:k])


CHECK = SplitLeakage
SOURCE = "Keyed 64-bit row hashes, joined; expected chance pairs as in seedstock.checks._chance."
