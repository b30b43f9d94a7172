"""Missing cells drawn given the present ones: once, or several times with the uncertainty that pooling needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from seedstock.checks._cells import cell_texts
from seedstock.clock import Clock
from seedstock.core.contracts import Fitted, Generator
from seedstock.core.errors import InputError, SeedstockError
from seedstock.core.given import Allowed, Case, Given
from seedstock.core.results import Edit
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.rules.cells import put
from seedstock.encoding.rules.deduce import deduced
from seedstock.encoding.rules.rule import Rule

CHECK = "impute"
_NEVER = ("id", "text", "image")


@dataclass(frozen=True, eq=False)
class Completed:
    """Data whose gaps were filled, once or several times.

    Attributes
    ----------
    draws : tuple of Dataset
    edits : tuple of tuple of Edit
        For each draw the cells that were filled.
    notes : tuple of str
        What was left alone, and why.
    """

    draws: tuple[Dataset, ...]
    edits: tuple[tuple[Edit, ...], ...]
    notes: tuple[str, ...] = ()


def impute(source: Dataset, generator: Generator, draws: int, seed: int, clock: Clock) -> Completed:
    """Fit a generator to a table, and draw its missing cells given the present ones.

    One draw comes from a model of all rows. For several draws each has a model of its own, of a bootstrap sample of
    the rows, so that their spread holds the model's uncertainty too (Little and Rubin 2019, section 10.2.3). A row's
    missing cells are drawn together. Whether a cell is missing is taken to depend on present cells only.

    Identifiers, free texts and columns without any value are left alone, and so are cells that a rule says are missing.
    """
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise InputError(f"draws must be a positive integer, not {draws!r}")
    table, columns = source.table, source.columns
    if not len(table):
        raise InputError("there is no row, and so nothing to learn from; bring rows")
    notes, names = [], []
    for name, column in table.columns.items():
        if not column.missing.any():
            continue
        n = int(column.missing.sum())
        if columns[name].kind in _NEVER:
            notes.append(
                f"{n:,} missing cells of {name!r} were left: columns of kind {columns[name].kind} mean no value"
            )
        elif column.missing.all():
            notes.append(f"{name!r} has no value at all, and was left empty")
        else:
            names.append(name)
    holes = np.flatnonzero(np.any([table[name].missing for name in names], axis=0)) if names else np.zeros(0, np.int64)
    if not len(holes):
        return Completed((source,) * draws, ((),) * draws, (*notes, "no cell was missing that could be drawn"))
    learned = {name: c for name, c in table.columns.items() if columns[name].kind not in _NEVER}
    rng = Rng(seed)
    out: list[Dataset] = []
    edits: list[tuple[Edit, ...]] = []
    for i in range(draws):
        stream = rng.child("draw", i)
        rows = source if draws == 1 else source.take(_bootstrap(Table(learned, len(table)), stream))
        with clock.stage("fit", f"draw {i + 1} of {draws}"):
            fitted: Fitted = generator.fit(rows, stream.child("fit"))
        if draws > 1:
            fitted = _with_rules(fitted, source)
        gaps, left = _gaps(fitted, table, names)
        notes += [note for note in left if note not in notes]
        holes = np.flatnonzero(gaps.any(axis=1))
        if not len(holes):
            out.append(source)
            edits.append(())
            continue
        filled, told = deduced(Table(learned, len(table)), _rules(fitted), dict(zip(names, gaps.T, strict=True)))
        left_open = np.stack([filled[name].missing for name in names], axis=1) & gaps
        unknown, alone = np.flatnonzero(left_open.any(axis=1)), 0
        if len(unknown):
            given = _given(filled.take(unknown), names, left_open[unknown])
            with clock.stage("impute", f"{len(unknown):,} rows") as progress:
                drawn, alone = _draw(fitted, given, stream.child("sample"), progress.share)
            filled = Table({name: put(filled[name], unknown, drawn[name]) for name in filled}, len(filled))
        if alone:
            notes.append(
                f"{alone:,} rows are unlike all others or break a rule, so that their cells were drawn given fewer "
                f"of the present ones (draw {i + 1})"
            )
        done, own = _put(source, filled.take(holes), holes, names, gaps[holes], told)
        out.append(done)
        edits.append(own)
    return Completed(tuple(out), tuple(edits), tuple(notes))


def _gaps(fitted: Fitted, table: Table, names: Sequence[str]) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which cells are to be filled, shape (n, p), and notes on those that a rule says are missing."""
    gaps = np.stack([table[name].missing for name in names], axis=1)
    notes = []
    for rule in _rules(fitted):
        for name, empty in rule.empties(table).items():
            if name in names:
                own = gaps[:, names.index(name)]
                if n := int((own & empty).sum()):
                    notes.append(f"{n:,} missing cells of {name!r} were left: {rule.text}")
                own &= ~empty
    return gaps, notes


def _rules(fitted: Fitted) -> Sequence[Rule]:
    return tuple(getattr(getattr(fitted, "plan", None), "rules", ()))


def _given(rows: Table, names: Sequence[str], gaps: NDArray[np.bool_]) -> Given:
    """Return conditions: present cells are kept, and each cell that is to be filled must get a value."""
    patterns, which = np.unique(gaps, axis=0, return_inverse=True)
    cases: list[Case] = [
        {name: Allowed(text=f"{name} is present") for name, on in zip(names, pattern, strict=True) if on}
        for pattern in patterns
    ]
    return Given(rows, cases, which.reshape(-1).astype(np.int64))


def _bootstrap(table: Table, rng: Rng) -> NDArray[np.int64]:
    """Return rows drawn with replacement, and a few more so that no text and no end of a range is lost."""
    n = len(table)
    rows = rng.child("bootstrap").generator().integers(n, size=n)
    seen = np.zeros(n, bool)
    seen[rows] = True
    more: list[int] = []
    for column in table.columns.values():
        here = np.flatnonzero(~column.missing)
        if not len(here):
            continue
        if column.is_text or column.values.dtype == bool:
            codes = column.values[here].astype(np.int64)
            lost = np.setdiff1d(codes, codes[seen[here]])
            more += [int(here[np.argmax(codes == code)]) for code in lost]
        else:
            more += [int(here[np.argmin(column.values[here])]), int(here[np.argmax(column.values[here])])]
        if column.missing.any() and not (column.missing & seen).any():
            more.append(int(np.argmax(column.missing)))
    return np.sort(np.concatenate([rows, [r for r in sorted(set(more)) if not seen[r]]]).astype(np.int64))


def _with_rules(fitted: Fitted, source: Dataset) -> Any:
    """Return a model that keeps the rules of all rows: a bootstrap sample may show rules that the rest breaks."""
    plan = getattr(fitted, "plan", None)
    if plan is None or not plan.rules:
        return fitted
    from seedstock.encoding.rules.find import find_rules

    rules = find_rules(source.table, source.columns, source.columns.rules, source.columns.veto)
    return replace(fitted, plan=replace(plan, rules=rules))  # type: ignore[type-var]


def _draw(fitted: Fitted, given: Given, rng: Rng, share: Callable[[float], None]) -> tuple[Table, int]:
    """Return whole rows for conditions, and how many of them could not be drawn given all that is present."""

    def sample(rows: NDArray[np.int64]) -> Table:
        return fitted.sample(len(rows), rng.child("rows", int(rows[0]), len(rows)), given.take(rows)).table

    parts: list[tuple[NDArray[np.int64], Table]] = []
    done, alone = 0, 0
    stack = [np.arange(at, min(at + BLOCK_ROWS, len(given))) for at in range(0, len(given), BLOCK_ROWS)]
    while stack:
        rows = stack.pop()
        drawn: list[tuple[NDArray[np.int64], Table]] = []
        try:
            drawn.append((rows, sample(rows)))
        except SeedstockError as error:
            # Where it is not said which rows could not be drawn, it is found by halves.
            failed = np.isin(np.arange(len(rows)), getattr(error, "rows", ())) | (len(rows) == 1)
            for row in rows[failed]:
                drawn.append((row[None], _fewer(fitted, given.take(row[None]), rng.child("alone", int(row)))))
            alone += len(drawn)
            stack += [part for part in np.array_split(rows[~failed], 1 if failed.any() else 2) if len(part)]
        parts += drawn
        done += sum(len(some) for some, _ in drawn)
        share(done / len(given))
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    return Table.concat([table for _, table in parts]).take(order), alone


def _fewer(fitted: Fitted, one: Given, rng: Rng) -> Table:
    """Return a row given as many of its present cells, in their order, as the model can bring together."""
    values = dict(one.values.columns)
    for k, name in enumerate(list(values)[::-1]):
        if values[name].missing[0]:
            continue
        values[name] = Column(values[name].values, np.ones(1, bool), values[name].levels)
        try:
            return fitted.sample(1, rng.child("without", k), Given(Table(values, 1), one.cases, one.case)).table
        except SeedstockError:
            continue
    return fitted.sample(1, rng.child("free"), Given(Table(values, 1), one.cases, one.case)).table


def _put(
    source: Dataset, filled: Table, holes: NDArray[np.int64], names: Sequence[str], gaps: NDArray[np.bool_],
    told: Mapping[str, Mapping[int, Rule]],
) -> tuple[Dataset, tuple[Edit, ...]]:  # fmt: skip
    """Return the data with the filled cells where some were missing, and the list of these."""
    columns: dict[str, Column] = {}
    edits: list[Edit] = []
    for name, wanted in zip(names, gaps.T, strict=True):
        old = source.table[name]
        gap = wanted & ~filled[name].missing
        both = Column.concat([old, filled[name]])
        pick = np.arange(len(old))
        pick[holes[gap]] = len(old) + np.flatnonzero(gap)
        columns[name] = both.take(pick)
        texts = cell_texts(filled[name].take(gap))
        rules = told.get(name, {})
        for row, text in zip(holes[gap].tolist(), texts, strict=True):
            why = f"follows from {rules[row].text}" if row in rules else "drawn given the row's present cells"
            edits.append(Edit(source.name, row, name, None, str(text), CHECK, float(row in rules), False, why))
    edits.sort(key=lambda e: (e.row, e.column or ""))
    return source.with_table(source.table.assign(columns)), tuple(edits)


@dataclass(frozen=True)
class Pooled:
    """An estimate from several completed tables (Rubin 1987, section 3.1).

    Attributes
    ----------
    estimate, error : float
        Mean of the estimates, and its standard error.
    interval : tuple of float
        95 % interval, by Student's t.
    freedom : float
        Degrees of freedom.
    missing_share : float
        Share of the variance that is due to the missing cells.
    """

    estimate: float
    error: float
    interval: tuple[float, float]
    freedom: float
    missing_share: float
    estimates: tuple[float, ...] = field(default=(), repr=False)


def pool(estimates: Sequence[float], variances: Sequence[float]) -> Pooled:
    """Pool the estimates of several completed tables and their squared standard errors by Rubin's rules.

    >>> pooled = pool([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    >>> pooled.estimate, round(pooled.error, 3)
    (2.0, 1.528)
    """
    q, u = np.asarray(estimates, float), np.asarray(variances, float)
    m = len(q)
    if m < 2 or u.shape != q.shape:
        raise InputError(f"pooling needs two draws or more, each with an estimate and a variance, not {m}")
    # W = mean(u), B = var(q), T = W + (1 + 1/m) B; freedom (m - 1) (1 + W / ((1 + 1/m) B))^2.
    within, between = float(u.mean()), float(q.var(ddof=1))
    spread = (1 + 1 / m) * between
    total = within + spread
    freedom = (m - 1) * (1 + within / spread) ** 2 if spread > 0 else float("inf")
    half = float(student.ppf(0.975, freedom)) * total**0.5
    mean = float(q.mean())
    share = spread / total if total > 0 else 0.0
    return Pooled(mean, total**0.5, (mean - half, mean + half), freedom, share, tuple(q.tolist()))
