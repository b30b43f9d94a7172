"""Frames come back as they came: cells, types, order; with pandas alone, with Polars, with Arrow."""

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest

from seedstock.sources.frames import from_frame, to_frame
from seedstock.sources.read import read

pd, pl, pa = pytest.importorskip("pandas"), pytest.importorskip("polars"), pytest.importorskip("pyarrow")
N = 30


def pandas_frame() -> "pd.DataFrame":
    hours = pd.date_range("2020", periods=N, freq="h")
    return pd.DataFrame({
        "i8": np.arange(N, dtype="i1") % 5, "u8": np.arange(N).astype("u8") * 3,
        "nullable": pd.array([1, None] * 15, "Int32"), "f4": np.linspace(0, 1, N).round(2).astype("f4"),
        "text": ["a", "b", None] * 10, "cat": pd.Categorical(["x", "y", "z"] * 10), "flag": [True, False] * 15,
        "maybe": pd.array([True, None] * 15, "boolean"), "day": [dt.date(2020, 1, 1 + k) for k in range(N)],
        "ts": hours, "zoned": hours.tz_localize("UTC").tz_convert("Europe/Berlin"),
        "span": pd.to_timedelta(np.arange(N), unit="s"), "money": [Decimal("1.50")] * N,
        "time": [dt.time(1, 2, 3)] * N, "F": pd.array([1.5, None] * 15, "Float64"),
    })  # fmt: skip


def test_pandas_comes_back() -> None:
    frame = pandas_frame()
    data = read(frame)
    again = to_frame(data, "pandas")
    pd.testing.assert_frame_equal(again, frame, check_categorical=False)
    assert not data.notes
    assert (data.columns["f4"].decimals, data.columns["money"].dtype) == (2, "decimal(3,2)")


@pytest.mark.parametrize("flavour", ["polars", "arrow"])
def test_polars_and_arrow_come_back(flavour: str) -> None:
    frame = pl.DataFrame(dict(pandas_frame())).with_columns(
        category=pl.Series(["a", "b"] * 15, dtype=pl.Categorical),
        decimal=pl.Series(["1.50"] * N).cast(pl.Decimal(10, 2)),
        gap=pl.Series([1, None] * 15, dtype=pl.Int16),
    )
    source = frame if flavour == "polars" else frame.to_arrow()
    again = to_frame(read(source), flavour)
    if flavour == "polars":
        assert again.equals(frame)
        assert again.schema == frame.schema
        return
    assert again.to_pylist() == source.to_pylist()
    assert again["gap"].type == pa.int16()
    assert again["zoned"].type == source["zoned"].type


def test_arrow_stream_without_its_library() -> None:
    class Stream:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pl.DataFrame(dict(pandas_frame())).to_arrow().__arrow_c_stream__(requested_schema)

    data = read(Stream())
    assert data.table["ts"].values[1] == np.datetime64("2020-01-01T01:00:00")
    assert (data.columns["i8"].dtype, data.columns["f4"].dtype, data.columns["cat"].dtype) == (
        "int8", "float32", "categorical",
    )  # fmt: skip


def test_odd_frames() -> None:
    frame = pd.DataFrame([[1, "a", [1, 2], 2**70], [2, 3.5, {"k": 1}, 1]], columns=["x", "x", 7, "big"])
    data = read(frame)
    assert data.table.names == ["x", "x_2", "7", "big"]
    assert data.table["7"].texts().tolist() == ["[1, 2]", '{"k": 1}']
    notes = " ".join(data.notes)
    for said in ("repeats the name 'x'", "several types", "nested", "beyond 64 bits"):
        assert said in notes


def test_from_frame_tells_types_and_flavour() -> None:
    table, dtypes, flavour = from_frame(pandas_frame()[["i8", "cat"]])
    assert (dtypes, flavour, len(table)) == ({"i8": "int8", "cat": "categorical"}, "pandas", N)


def test_source_is_not_changed() -> None:
    frame = pandas_frame()
    data = read(frame)
    out = to_frame(data, "pandas")
    out.loc[0, "i8"] = 99
    out.loc[0, "ts"] = pd.Timestamp("1999-01-01")
    pd.testing.assert_frame_equal(frame, pandas_frame())
    assert data.table["i8"].values[0] == 0


def test_pandas_without_arrow() -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None; sys.modules['polars'] = None\n"
        "import pandas as pd\n"
        "from seedstock.sources.read import read\n"
        "from seedstock.sources.frames import to_frame\n"
        "frame = pd.DataFrame({'x': [1, 2, 3], 'c': ['a', None, 'b'], 't': pd.date_range('2020', periods=3)})\n"
        "pd.testing.assert_frame_equal(to_frame(read(frame), 'pandas'), frame)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


@pytest.mark.parametrize("kind", ["frame", "objects"])
def test_a_zone_with_a_name_of_ones_own_is_its_offset(kind: str) -> None:
    zone = dt.timezone(dt.timedelta(hours=2), "CEST")
    times = pd.Series(pd.date_range("2024-07-01", periods=3, freq="h", tz=zone))
    frame = pd.DataFrame({"seen": times.astype(object) if kind == "objects" else times, "x": [1.5, 2.5, 4.0]})
    data = read(frame)
    assert data.columns["seen"].dtype.endswith(", +02:00]")
    assert data.table["seen"].values[0] == np.datetime64("2024-06-30T22:00")
    assert to_frame(data, "pandas")["seen"][0] == times[0]
