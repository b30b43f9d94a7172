"""Sources of rows (a site, a batch, a device) in which one column is shifted against all other sources."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from seedstock.checks._cells import clip, counted, numbers
from seedstock.checks._unit_groups import groupings, is_source
from seedstock.core.results import Finding
from seedstock.core.table import Dataset

NAME = "drift"
_MOST_COLUMNS = 60
_SHIFT = 0.7
"""Shift of the normal scores, in standard deviations, from which a source stands out."""
_AGREE = 0.35


def batches(data: Dataset) -> list[Finding]:
    """Return one finding for each source that stands out: its values are shifted, and all other sources agree.

    Only columns whose name says where rows come from are looked at: other groups differ by nature.
    """
    names = [c for c in data.columns.of_kind("number") if c != data.columns.target][:_MOST_COLUMNS]
    out: list[Finding] = []
    for by, groups in groupings(data, data.columns.target or ""):
        if not is_source(by) or len(groups) < 3:
            continue
        off: dict[int, list[tuple[float, str]]] = {}
        for name in names:
            x = numbers(data.table[name])
            found = None if x is None else _odd_one(x, [rows for _, rows in groups])
            if found is not None:
                off.setdefault(found[0], []).append((found[1], name))
        tests = len(names) * len(groups)
        for k, shifts in sorted(off.items()):
            level, rows = groups[k]
            score, name = max(shifts)
            several = f" and {counted(len(shifts) - 1, 'further column')}" if len(shifts) > 1 else ""
            out.append(
                Finding(
                    NAME, data.name, name, tuple(rows.tolist()), "medium", 0.8,
                    f"Rows where {by!r} is {clip(level)} differ from all other sources in {name!r}{several}: "
                    f"{score:.0f} standard errors.",
                    "Find out whether this source measures otherwise; if so, calibrate it or treat it by itself.",
                    details={"p_value": float(2 * norm.sf(score)), "tests": tests, "source": by, "level": level},
                )
            )  # fmt: skip
    return out


def _odd_one(x: NDArray[np.float64], groups: list[NDArray[np.int64]]) -> tuple[int, float] | None:
    """Return the one group whose normal scores lie apart while the others agree, and by how many standard errors."""
    known = np.isfinite(x)
    if known.sum() < 60:
        return None
    z = np.full(len(x), np.nan)
    z[known] = norm.ppf((rankdata(x[known]) - 0.5) / known.sum())
    size = np.array([int(known[rows].sum()) for rows in groups])
    if (size < 10).any():
        return None
    mean = np.array([float(np.nanmean(z[rows])) for rows in groups])
    k = int(np.abs(mean - np.median(mean)).argmax())
    rest = np.delete(mean, k)
    centre = float(np.average(rest, weights=np.delete(size, k)))
    shift = abs(mean[k] - centre)
    score = shift / np.sqrt(1 / size[k] + 1 / np.delete(size, k).sum())
    noise = 3.0 / np.sqrt(np.delete(size, k).min())
    return (k, float(score)) if shift > _SHIFT and np.ptp(rest) < _AGREE + noise and score > 6 else None
