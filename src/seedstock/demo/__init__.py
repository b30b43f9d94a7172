"""The demonstration: a small real census table, and contamination to find in it."""

from __future__ import annotations

from pathlib import Path

from seedstock import api, catalog
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

CENSUS = Path(__file__).parent / "census.csv.gz"
"""4,500 rows of the census of 1994; see ATTRIBUTION.md beside it."""
PLANTED = {"duplicates": 0.03, "disguised_missing": 0.02, "label_errors": 0.02}
"""Check -> share of the rows that its kind of contamination is planted in."""


def census() -> Dataset:
    """Return the census sample, with income as the target.

    >>> len(census().table)
    4500
    """
    return api.read(CENSUS, target="income")


def contaminated(seed: int = 0) -> tuple[Dataset, list[str]]:
    """Return the census sample with contamination planted, and what was planted, in words."""
    data = census()
    said = []
    for name, share in PLANTED.items():
        planted, rows = catalog.load("checks", name).plant(data, share, Rng(seed).child("plant", name))
        if rows is not None:
            data = planted
            said.append(f"{name.replace('_', ' ')} in {len(rows):,} rows")
    return data, said
