"""Rule violations: dependencies, orderings and sums that nearly always hold, and the rows that break them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from seedstock.checks._cells import cell_text, clip, counted, numbers, plain
from seedstock.checks._dependencies import Codes, blame, columns_of, mine
from seedstock.checks._relations import products, signs
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "rule_violations"
_MOST_NUMBERS = 15
_MOST_BROKEN = 0.03


@dataclass(frozen=True)
class RuleViolations:
    """Finds rows that break rules which nearly all rows keep.

    Dependencies (one value of A, one value of B) are mined with their support; in a row that breaks several, the cell
    is blamed whose change would mend most of them. Orderings (A at most B), sums (A + B = C), products (A * B = C) and
    signs are mined among columns of numbers and times.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a blamed column and one a broken ordering or sum."""
        out = _dependencies(data, rng)
        x = {c: v for c in data.table if (v := _measure(data, c)) is not None}
        x = dict(list(x.items())[:_MOST_NUMBERS])
        return out + _sums(data, x) + products(data) + _orders(data, x) + signs(data)


def _measure(data: Dataset, name: str) -> NDArray[np.float64] | None:
    if data.columns[name].kind not in ("number", "datetime", "duration"):
        return None
    x = numbers(data.table[name])
    if x is None:
        return None
    known = x[np.isfinite(x)]
    return x if len(known) >= 50 and len(np.unique(known)) >= 10 else None


def _dependencies(data: Dataset, rng: Rng) -> list[Finding]:
    columns = columns_of(data)
    rules = mine(columns, rng)
    if not rules:
        return []
    out: list[Finding] = []
    for name, cells in blame(columns, rules, len(data.table)).items():
        rows = np.array(sorted(cells), np.int64)
        column = data.table[name]
        example = cells[int(rows[0])]
        edits = []
        for r in rows.tolist():
            cell = cells[r]
            before, after = cell_text(column, r), cell_text(column, cell.row_of_value)
            # A slip of the hand in a value that three other columns agree on is mended without asking.
            slip = before is not None and after is not None and OSA.normalized_similarity(before, after) >= 0.5
            why = f"rows with the same {cell.by!r} hold another value"
            safe = cell.unanimous and (slip or before is None)
            edits.append(Edit(data.name, r, name, before, after, NAME, cell.confidence, safe, why))
        by = sorted({c.by for c in cells.values()})
        broken = f"{counted(len(rows), 'cell')} of {name!r} differ from what {', '.join(map(repr, by[:3]))} decide"
        r = int(rows[0])
        shown = clip(cell_text(column, r), 30)
        wanted = f" for {clip(cell_text(column, example.row_of_value), 30)}"
        out.append(
            Finding(
                NAME,
                data.name,
                name,
                tuple(rows.tolist()),
                "medium",
                float(np.mean([c.confidence for c in cells.values()])),
                f"{broken} in nearly all other rows: such as {shown}{wanted} in row {r}.",
                "Compare with the other rows of the same kind; correct the cell.",
                tuple(edits),
                {"determined_by": by},
            )
        )
    return out


def _orders(data: Dataset, x: dict[str, NDArray[np.float64]]) -> list[Finding]:
    """Find pairs A <= B that nearly always hold although the ranges overlap, and the rows where they do not."""
    out: list[Finding] = []
    names = list(x)
    for a in names:
        for b in names:
            if a == b or data.columns[a].kind != data.columns[b].kind:
                continue
            u, v = x[a], x[b]
            both = np.isfinite(u) & np.isfinite(v)
            n = int(both.sum())
            if n < 100:
                continue
            broken = both & (u > v)
            k = int(broken.sum())
            if not 0 < k <= _MOST_BROKEN * n:
                continue
            # Were the columns independent, how often would the order be broken?
            order = np.sort(v[both])
            by_chance = float((np.searchsorted(order, u[both], "left") / n).mean())
            # The order must bind: differences must pile up near zero, not end far from it.
            gap = (v - u)[both]
            near = float((gap >= 0).sum() and np.quantile(gap[gap >= 0], 0.1) / max(np.median(np.abs(gap)), 1e-300))
            depth = float(np.median(-gap[gap < 0]) / max(np.median(gap[gap >= 0]), 1e-300))
            smooth = _is_tail(gap)
            if by_chance < 10 * k / n or by_chance < 0.1 or near > 0.5 or smooth:
                continue
            rows = np.flatnonzero(broken)
            out.append(
                Finding(
                    NAME, data.name, a, tuple(rows.tolist()),
                    "medium" if data.columns[a].kind == "datetime" else "low", 0.8,
                    f"{a!r} is at most {b!r} in {1 - k / n:.2%} of the rows, and not in {counted(k, 'row')}.",
                    "Look whether the two are swapped or one of them is wrong.",
                    details={"rule": f"{a} <= {b}", "depth": depth},
                )
            )  # fmt: skip
    return out


def _is_tail(gap: NDArray[np.float64]) -> bool:
    """Tell whether the broken differences are the smooth tail of the others: no more than the density on each side."""
    below, above = -gap[gap < 0], gap[gap >= 0]
    width = float(np.quantile(above, 0.25))
    if width <= 0:
        return False
    # A true bound has a cliff at zero: far more just above it than just below.
    low, high = int((below <= width).sum()), int((above <= width).sum())
    return low > 0.08 * high


def _sums(data: Dataset, x: dict[str, NDArray[np.float64]]) -> list[Finding]:
    """Find columns that nearly always are the sum or the difference of two others, and the rows where they are not."""
    out: list[Finding] = []
    names = [c for c in x if data.columns[c].kind == "number"]
    done: set[frozenset[str]] = set()
    for c in names:
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                if c in (a, b) or frozenset((a, b, c)) in done:
                    continue
                known = np.isfinite(x[a]) & np.isfinite(x[b]) & np.isfinite(x[c])
                n = int(known.sum())
                if n < 100:
                    continue
                total = x[a] + x[b]
                scale = np.abs(x[a]) + np.abs(x[b]) + np.abs(x[c])
                off = known & (np.abs(total - x[c]) > 1e-6 * scale + 1e-9)
                live = known & (x[a] != 0) & (x[b] != 0)
                k = int(off.sum())
                if k > 0.12 * n or live.sum() < 50 or (off & live).sum() > 0.12 * live.sum():
                    continue
                done.add(frozenset((a, b, c)))
                if not k:
                    continue
                rows = np.flatnonzero(off)
                edits = tuple(
                    Edit(
                        data.name, int(r), c, cell_text(data.table[c], int(r)), plain(repr(round(float(total[r]), 10))),
                        NAME, 0.4, False, f"the sum of {a!r} and {b!r}",
                    )
                    for r in rows
                )  # fmt: skip
                out.append(
                    Finding(
                        NAME, data.name, c, tuple(rows.tolist()), "medium", 0.9,
                        f"{c!r} is {a!r} plus {b!r} in {1 - k / n:.2%} of the rows, and not in {counted(k, 'row')}.",
                        "Find out which of the three is wrong.", edits, {"rule": f"{a} + {b} = {c}"},
                    )
                )  # fmt: skip
    return out


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Break the dependence of a category on a finer one: give a share of its cells another value."""
    columns: Codes = columns_of(data)
    rules = mine(columns, rng)
    names = [r.b for r in rules if data.table[r.b].is_text and r.b != data.columns.target]
    n = len(data.table)
    if not names:
        return data, None
    g = rng.generator()
    name = names[0]
    rows = np.sort(g.choice(n, max(1, round(share * n)), replace=False))
    texts = data.table[name].texts()
    levels = sorted({t for t in texts if t is not None})
    for r in rows:
        others = [t for t in levels if t != texts[r]]
        texts[r] = others[int(g.integers(len(others)))]
    return data.with_table(data.table.assign({name: Column.of_texts(texts)})), rows


CHECK = RuleViolations
SOURCE = (
    "Approximate functional dependencies (Kivinen and Mannila 1995; Huhtala et al., TANE 1999) and a vote per cell."
)
