"""What users write about a column, and what it allows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from seedstock.conditions.read import read_all
from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources._raw import Raw
from seedstock.sources.conform import conform

TIMES = np.array(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "NaT"], "M8[us]")
SEEN = np.array(["2024-01-01T10:00", "2024-06-30T22:00", "2024-07-01T10:00", "2024-08-01T10:00", "NaT"], "M8[us]")
SPANS = np.array([60, 90, 1320, 1439, 0], "m8[m]").astype("m8[us]")
CELLS = {
    "age": (ColumnSchema("number", dtype="int64"), Column.of(np.array([18, 30, 35, 60, 0]), np.arange(5) == 4)),
    "job": (ColumnSchema("category", missing="?"), Column.of_texts(["Private", "A|B", "1..2", ">50K", None])),
    "when": (ColumnSchema("datetime", dtype="date"), Column.of(TIMES)),
    "x>1": (ColumnSchema("number", dtype="float64"), Column.of(np.array([-2.5, 0.5, 1.0, np.inf, np.nan]))),
    "ok": (ColumnSchema("boolean", dtype="bool"), Column.of(np.array([True, False] * 2 + [True]), np.arange(5) == 4)),
    "seen": (ColumnSchema("datetime", dtype="datetime[us, Europe/Berlin]"), Column.of(SEEN)),
    "day": (ColumnSchema("datetime", dtype="date", format="%-d/%-m/%Y"), Column.of(TIMES)),
    "at": (ColumnSchema("duration", dtype="time", format="%H:%M"), Column.of(SPANS)),
    "long": (ColumnSchema("duration", dtype="duration[us]"), Column.of(SPANS * 24)),
    "note": (ColumnSchema("text"), Column.of_texts(["some words"] * 5)),
}
DATA = Dataset(
    {"data": Table({k: c for k, (_, c) in CELLS.items()})},
    Schema({"data": TableSchema({k: s for k, (s, _) in CELLS.items()})}),
)


def allowed(given: Any) -> list[int]:
    """Return the rows of the table that a condition allows."""
    ((name, a),) = read_all(DATA, given).items()
    return np.flatnonzero(a.holds(DATA.table[name])).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("age=35", [2]),
        ("age=30..35", [1, 2]),
        ("age=30..", [1, 2, 3]),
        ("age=..30", [0, 1]),
        ("age>=30", [1, 2, 3]),
        ("age>30", [2, 3]),
        ("age<30", [0]),
        ("age<=30", [0, 1]),
        ("age!=30..35", [0, 3]),
        ("age=18|60", [0, 3]),
        ("age=18|", [0, 4]),
        ("age!=18|30", [2, 3]),
        ("age=", [4]),
        ("age!=", [0, 1, 2, 3]),
        ("job=Private", [0]),
        ("job=A|B", [1]),  # a value that is there means itself
        ("job=A\\|B|Private", [0, 1]),
        ("job=1..2", [2]),
        ("job=>50K", [3]),
        ("job=Private|>50K", [0, 3]),
        ("job!=Private|>50K", [1, 2]),
        ("job=?", [4]),  # the file's own mark of a missing cell
        ("job=", [4]),
        ("job=Private|?", [0, 4]),
        ("when=2024-02-01..2024-03-01", [1, 2]),
        ("when>2024-02-01", [2, 3]),
        ("x>1=0.5", [1]),
        ("x>1=-2.5..0.6", [0, 1]),
        ("x>1>=1", [2, 3]),
        ("ok=yes", [0, 2]),
        ("ok!=yes", [1, 3]),
        ("seen=2024-07-01", [1]),  # midnight in Berlin
        ("seen=2024-06-30T22:00Z", [1]),
        ("seen>=2024-07-01 12:00:00", [2, 3]),
        ("seen>2024-07-01T12:00:00+02:00", [3]),
        ("day=1/2/2024", [1]),  # February: the column's own form decides
        ("day>=2024-03", [2, 3]),
        ("at>=22:00", [2, 3]),
        ("at=01:00..01:30:00", [0, 1]),
        ("at=3600", [0]),
        ("long=1 day", [0]),
        ("long>=1 days 12:00:00", [1, 2, 3]),
        ("long<36:00:00", [0, 4]),
    ],
)
def test_texts(text: str, rows: list[int]) -> None:
    assert allowed([text]) == rows


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"age": 35}, [2]),
        ({"age": (30, 40)}, [1, 2]),
        ({"age": (None, 30)}, [0, 1]),
        ({"age": {18, 60, None}}, [0, 3, 4]),
        ({"age": [18, 60]}, [0, 3]),
        ({"age": None}, [4]),
        ({"age": float("nan")}, [4]),
        ({"job": {"Private", "A|B"}}, [0, 1]),
        ({"job": "1..2"}, [2]),
        ({"when": ("2024-02-01", None)}, [1, 2, 3]),
        ({"ok": True}, [0, 2]),
        ({"seen": dt.datetime(2024, 7, 1)}, [1]),
        ({"seen": (dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC), None)}, [2, 3]),
        ({"when": dt.date(2024, 2, 1)}, [1]),
        ({"at": dt.time(22)}, [2]),
        ({"long": dt.timedelta(days=1)}, [0]),
        ({"long": (np.timedelta64(36, "h"), None)}, [1, 2, 3]),
    ],
)
def test_python_values(given: dict[str, Any], rows: list[int]) -> None:
    assert allowed(given) == rows


@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (["age>=30", "age<60"], [1, 2]),
        (["age>=30", "age>30", "age<=60"], [2, 3]),
        (["age=18|30|35", "age>18"], [1, 2]),
        (["age!=", "age!=18"], [1, 2, 3]),
        (["age!=30..35", "age<60"], [0]),
    ],
)
def test_several_conditions_on_a_column(texts: list[str], rows: list[int]) -> None:
    assert allowed(texts) == rows


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["age"], "COLUMN=VALUE"),
        (["=5"], "COLUMN=VALUE"),
        (["nowhere=5"], "no column 'nowhere'"),
        (["age=old"], "'old' is no value of column 'age'"),
        (["age=30..old"], "'old' is no value"),
        (["age=40..30"], "holds no value"),
        (["age>30", "age<30"], "holds no value"),
        (["age=.."], "a number on one side"),
        (["job>=Private"], "asks for an order"),
        (["ok>yes"], "asks for an order"),
        (["note=some words"], "never learned"),
        (["when=soon"], "'soon' is no value"),
        (["when=NaT"], "'NaT' is no value"),
        (["day=13/13/2024"], "in the form %-d/%-m/%Y"),
        (["at=25:00"], "in the form %H:%M"),
        (["long=soon"], "such as 22:15:00"),
        ({"age": (1, 2, 3)}, "pair"),
        ({"age": set()}, "is empty"),
        ({"age": (None, None)}, "says nothing"),
        ({"job": ("a", "b")}, "asks for an order"),
    ],
)
def test_wrong_conditions_are_named(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_all(DATA, given)


def test_a_zone_that_nobody_knows_is_told() -> None:
    columns = DATA.columns.replace_column("seen", dtype="datetime[us, CEST]")
    data = Dataset(DATA.tables, Schema({"data": columns}))
    with pytest.raises(InputError, match="zone 'CEST'"):
        read_all(data, {"seen": ("2024-02-01", None)})
    assert read_all(data, {"seen": ("2024-02-01T00:00+02:00", None)})["seen"].low == np.datetime64("2024-01-31T22:00")


def test_cells_without_a_zone_are_in_their_columns() -> None:
    wanted = ColumnSchema("datetime", dtype="datetime[us, Europe/Berlin]")
    one = conform(Raw(Column.of_texts(["2024-07-01 00:00"]), "string"), wanted, "seen")
    assert one.values[0] == np.datetime64("2024-06-30T22:00")
