"""Disguised missing values: sentinels, words for nothing, default dates, zeros where none can be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import cell_text, clip, counted, normal, numbers, present_levels
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "disguised_missing"
WORDS = frozenset({
    "?", "??", "???", "-", "--", "---", ".", "..", "...", "*", "_", "#", "na", "n/a", "n.a.", "n.a", "#n/a", "#na",
    "<na>", "nan", "nat", "null", "(null)", "<null>", "nil", "(blank)", "blank", "<blank>", "missing", "(missing)",
    "nodata", "undefined", "undef", "unspecified", "tbd", "tba", "#value!", "#ref!", "#div/0!", "#name?", "#null!",
    "#num!", "k.a.", "inconnu", "desconocido", "xxx", "xxxx", "", "not available", "not applicable", "not recorded",
    "not known", "not specified", "not given", "no data", "no value", "to be determined", "k. a.", "keine angabe",
})  # fmt: skip
"""Words that stand for no value, normalised."""
MAYBE_WORDS = frozenset({
    "unknown", "none", "no answer", "other/unknown", "unk", "refused", "empty", "0000-00-00", "unbekannt", "don't know",
})  # fmt: skip
"""Words that may as well be an answer."""
_SENTINEL = re.compile(
    r"-?9{2,}|-?8{2,}|-?7{3,}|-1|-?1{4,}|-?0?9+\.9+|-?32768|32767|65535|-?2147483648|2147483647|1e\+?\d\d+"
)
_DEFAULT_DAYS = tuple(
    np.datetime64(d, "D") for d in
    ("1970-01-01", "1900-01-01", "1899-12-30", "1899-12-31", "1904-01-01", "0001-01-01", "1111-11-11", "1753-01-01",
     "1800-01-01", "9999-12-31", "2099-12-31", "2999-12-31", "9999-01-01", "1601-01-01")
)  # fmt: skip


@dataclass(frozen=True)
class DisguisedMissing:
    """Finds values that stand for no value.

    A sentinel number must be a spike that stands apart from all other values; a zero must stand far from the others in
    units of their spread. A default date must be a spike at the rim. Words come from a list.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a column and disguise."""
        out: list[Finding] = []
        for name, column in data.table.columns.items():
            if data.columns[name].kind in ("image", "boolean"):
                continue
            out += _read_as_missing(data, name, column)
            if column.is_text:
                out += _words(data, name, column)
            elif data.columns[name].kind == "id":
                continue
            elif column.values.dtype.kind == "M":
                out += _days(data, name, column)
            else:
                out += _sentinels(data, name, column)
        return out


def _read_as_missing(data: Dataset, name: str, column: Column) -> list[Finding]:
    """Say which cells were written as a word that reading has already taken for no value."""
    word = data.columns[name].missing
    rows = np.flatnonzero(column.missing)
    if not word or not len(rows):
        return []
    return [
        Finding(
            NAME, data.name, name, tuple(rows.tolist()), "low", 0.95,
            f"{counted(len(rows), 'cell')} of {name!r} are missing, written as {clip(word)!r} or the like; they were "
            "read as missing.",
            "Nothing, where the word means no value.",
        )
    ]  # fmt: skip


def _words(data: Dataset, name: str, column: Column) -> list[Finding]:
    levels, _, codes = present_levels(column)
    if len(levels) < 2:
        return []
    words = [normal(t) if len(t) <= 30 else "-" * 9 for t in levels]
    sure = np.array([w in WORDS for w in words])
    maybe = np.array([w in MAYBE_WORDS for w in words])
    out = []
    for found, severity, confidence in ((sure, "high", 0.97), (maybe, "low", 0.5)):
        if not found.any() or found.all() or (severity == "low" and name == data.columns.target):
            continue
        rows = np.flatnonzero((codes >= 0) & found[codes])
        shown = ", ".join(clip(t) for t in levels[found][:4])
        few = len(rows) < 0.005 * len(column) and len(rows) < 5
        # An answer that hardly anybody gave, among names of things, is hardly an answer.
        rare = severity == "low" and len(rows) <= 0.05 * len(column)
        edits = tuple(
            Edit(data.name, int(r), name, str(levels[codes[r]]), None, NAME, confidence, True, "a word for no value")
            for r in (rows if severity == "high" else ())
        )
        certainly = "stand for no value" if severity == "high" else "may stand for no value"
        out.append(
            Finding(
                NAME,
                data.name,
                name,
                tuple(rows.tolist()),
                "medium" if rare or (severity == "high" and few) else severity,  # type: ignore[arg-type]
                confidence,
                f"{counted(len(rows), 'cell')} of {name!r} {certainly}: {shown}.",
                "Empty these cells."
                if severity == "high"
                else "Empty these cells if they are no answer; keep them if they are.",
                edits,
            )
        )
    return out


def _days(data: Dataset, name: str, column: Column) -> list[Finding]:
    days = column.values.astype("M8[D]")
    here = ~column.missing
    out: list[Finding] = []
    for day in _DEFAULT_DAYS:
        hit = here & (days == day)
        rest = np.sort(days[here & ~hit].astype(np.int64))
        if not hit.any() or len(rest) < 10:
            continue
        low, high = rest[int(0.01 * len(rest))], rest[int(0.99 * (len(rest) - 1))]
        value = int(day.astype(np.int64))
        apart = max(low - value, value - high)
        spread = max(high - low, 1)
        n = int(hit.sum())
        # Where all days are far from each other, as the first ones of years are, the next one is no stranger.
        steps = np.diff(np.unique(rest))
        usual = 3 * float(np.quantile(steps, 0.9)) if len(steps) else 0.0
        # A spike on the very day, far from the others; or a spike within them that no neighbouring day comes near.
        around = np.searchsorted(rest, value + 4) - np.searchsorted(rest, value - 3)
        if not (
            apart > 0.5 * spread
            or (apart > max(0.02 * spread, usual) and n >= 3)
            or (n >= 8 and n > 20 * (around / 6 + 1))
        ):
            continue
        out.append(_spike(data, name, hit, str(day), "a default date", 0.93))
    return out


def _sentinels(data: Dataset, name: str, column: Column) -> list[Finding]:
    x = numbers(column)
    if x is None:
        return []
    known = np.isfinite(x)
    values, counts = np.unique(x[known], return_counts=True)
    if len(values) < 5 or counts.sum() < 20:
        return []
    out: list[Finding] = []
    for i in _candidates(values, counts):
        v = float(values[i])
        rest_v, rest_c = np.delete(values, i), np.delete(counts, i)
        plain = f"{v:.0f}" if v == np.floor(v) and abs(v) < 1e15 else repr(v)
        listed = bool(_SENTINEL.fullmatch(plain)) and v != 0
        if _apart(v, rest_v, rest_c, int(counts[i]), listed):
            hit = known & (x == v)
            # 99999 above amounts of five digits may be a ceiling: that is a value, and emptying it would lose it.
            ceiling = 0 < v < 10 * rest_v[-1]
            what = "a sentinel or a ceiling" if ceiling else "a sentinel" if v else "a zero far from all others"
            out.append(_spike(data, name, hit, plain, what, 0.6 if ceiling else 0.95))
    if not out and (i := _no_amount(values, counts)) is not None:
        rows = np.flatnonzero(known & (x == 0))
        out.append(
            Finding(
                NAME, data.name, name, tuple(rows.tolist()), "medium", 0.6,
                f"{counted(len(rows), 'cell')} of {name!r} are 0, where no other value is below {values[i]:.6g}: they "
                "may stand for no value.",
                "Ask whether nought can be; empty these cells if it cannot.",
            )
        )  # fmt: skip
    elif not out and (i := _default(values, counts)) is not None:
        rows = np.flatnonzero(known & (x == values[i]))
        shown = cell_text(column, int(rows[0]))
        out.append(
            Finding(
                NAME, data.name, name, tuple(rows.tolist()), "medium", 0.6,
                f"{counted(len(rows), 'cell')} of {name!r} hold {shown}, far more than any other value: it may be a "
                "default, or a limit.",
                "Ask whether it was measured; empty these cells if it was filled in.",
            )
        )  # fmt: skip
    return out


def _no_amount(values: NDArray[np.float64], counts: NDArray[np.int64]) -> int | None:
    """Return the place of the least value above a few zeros, where it is far from them, or None."""
    if values[0] != 0 or len(values) < 20 or not 3 <= counts[0] <= 0.2 * counts.sum():
        return None
    middle = float(np.repeat(values[1:], counts[1:])[int(counts[1:].sum()) // 2])
    return 1 if values[1] > 0.2 * middle else None


def _default(values: NDArray[np.float64], counts: NDArray[np.int64]) -> int | None:
    """Return the one value of a fine-grained column that is far commoner than any other, or None; zero is an amount."""
    total = int(counts.sum())
    i = int(counts.argmax())
    second = int(np.delete(counts, i).max())
    spike = int(counts[i])
    if values[i] == 0 or len(values) < 50:
        return None
    return i if max(8, 0.004 * total, 6 * second) <= spike <= 0.3 * total else None


def _candidates(values: NDArray[np.float64], counts: NDArray[np.int64]) -> list[int]:
    """Return the values that may be disguises: the ends, zero, -1, and the commonest."""
    n = len(values)
    at = [0, 1, 2, n - 1, n - 2, n - 3]
    at += [int(i) for i in np.flatnonzero(np.isin(values, (0.0, -1.0)))]
    at += [int(i) for i in np.argsort(-counts, kind="stable")[:3]]
    return sorted({i for i in at if 0 <= i < n})


def _apart(v: float, values: NDArray[np.float64], counts: NDArray[np.int64], n: int, listed: bool) -> bool:
    """Tell whether n cells of v stand apart from the other values."""
    at = np.cumsum(counts) / counts.sum()
    q = [float(values[np.searchsorted(at, p)]) for p in (0.005, 0.05, 0.5, 0.95, 0.995)]
    spread = max(q[3] - q[1], 1e-300)
    below, above = values[values < v], values[values > v]
    gap = min(v - below[-1] if len(below) else np.inf, above[0] - v if len(above) else np.inf)
    inner = float(np.diff(values).max()) if len(values) < 50 else float(np.quantile(np.diff(values), 0.98))
    outside = v < q[0] or v > q[4]
    few_neighbours = counts[(values > v - 0.25 * spread) & (values < v + 0.25 * spread)].sum()
    if v == 0:
        # Zero where none can be: all others on one side and far away, as in blood pressures.
        one_side = not len(below) or not len(above)
        nearest = above[0] if len(above) else -below[-1]
        typical = abs(q[2])
        return bool(
            one_side and n >= 3 and nearest > 0.15 * typical and abs(q[0] if len(above) else q[4]) > 0.25 * typical
            and gap > (3.0 if n < 10 else 1.1) * inner and n <= counts.sum()
            and typical > 1.5 * spread / 2 and len(values) >= 10
        )  # fmt: skip
    if v == -1 and listed:
        return bool(n >= 3 and not len(below) and (values >= 0).all() and n > 3 * counts[values == values.min()].sum())
    if not (listed and outside):
        return False
    alone = gap > max(0.5 * spread, 3 * inner) or (n >= 5 and gap > 0.2 * spread)
    spike = n >= 2 and n > 5 * (few_neighbours + 0.2)
    return bool(alone and (n >= 2 or gap > 3 * spread)) or bool(spike and gap > 0.05 * spread and n >= 5)


def _spike(data: Dataset, name: str, hit: NDArray[np.bool_], shown: str, what: str, confidence: float) -> Finding:
    rows = np.flatnonzero(hit)
    before = cell_text(data.table[name], int(rows[0]))
    share = hit.mean()
    safe = confidence > 0.9
    edits = tuple(Edit(data.name, int(r), name, before, None, NAME, confidence, safe, what) for r in rows)
    return Finding(
        NAME,
        data.name,
        name,
        tuple(rows.tolist()),
        "high" if share >= 0.002 and safe else "medium",
        confidence,
        f"{counted(len(rows), 'cell')} of {name!r} hold {shown}, {what}: it stands apart from all other values.",
        "Empty these cells." if safe else "Ask whether it stands for no value; keep it if it is a ceiling.",
        edits if safe else (),
    )


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Write a sentinel into a share of the cells of one column of numbers, and a word into one of texts."""
    n = len(data.table)
    k = max(1, round(share * n))
    g = rng.generator()
    columns: dict[str, Column] = {}
    rows: list[NDArray[np.int64]] = []
    for name in data.columns.of_kind("number"):
        column = data.table[name]
        if column.is_text or len(np.unique(column.values)) < 50:
            continue
        top = float(np.abs(column.values[~column.missing]).max())
        sentinel = -(10.0 ** max(3, np.ceil(np.log10(max(top, 1)) + 0.31)) - 1)
        taken = g.choice(np.flatnonzero(~column.missing), k // 2 + 1, replace=False)
        values = column.values.copy()
        values[taken] = sentinel
        columns[name] = Column(values, column.missing)
        rows.append(taken)
        break
    for name in data.columns.of_kind("category"):
        if name == data.columns.target or not data.table[name].is_text:
            continue
        texts = data.table[name].texts()
        taken = g.choice(n, k // 2 + 1, replace=False)
        texts[taken] = "N/A"
        columns[name] = Column.of_texts(texts)
        rows.append(taken)
        break
    if not columns:
        return data, None
    return data.with_table(data.table.assign(columns)), np.unique(np.concatenate(rows))


CHECK = DisguisedMissing
SOURCE = "Sentinels after Pearson, The problem of disguised missing data (2006) and Qahtan et al., FAHES (2018)."
