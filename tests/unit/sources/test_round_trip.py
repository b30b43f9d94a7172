"""What is read is written again, cell for cell; and no bytes make anything but a clean error."""

import datetime as dt
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from seedstock.core.errors import SeedstockError
from seedstock.sources.read import read
from seedstock.sources.write import Writer, write

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
text = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n",;\t '), max_size=12)
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.decimals(-1000, 1000, places=2).map(str), st.floats(allow_nan=False).map(repr)
)
moments = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)).map(lambda t: t.isoformat(" ", "seconds"))
cells = st.sampled_from([text, numbers, moments, st.sampled_from(["yes", "no"]), st.sampled_from(["a", "?", "NA"])])


@st.composite
def tables(draw: st.DrawFn) -> dict[str, np.ndarray]:
    n = draw(st.integers(2, 12))
    kinds = draw(st.lists(cells, min_size=2, max_size=4))
    names = draw(st.lists(st.text(string.ascii_letters, min_size=1, max_size=5), min_size=len(kinds),
                          max_size=len(kinds), unique_by=str.casefold))  # fmt: skip
    columns = [draw(st.lists(kind.map(str), min_size=n, max_size=n)) for kind in kinds]
    return {name: np.array(c, object) for name, c in zip(names, columns, strict=True)}


@QUICK
@given(tables())
@example({"a": np.array(["1", "2"], object), "b": np.array(["", ""], object)})
@example({"a": np.array(["0", "0", "1e+16"], object), "b": np.array(["0", "9223372036854775296", "1e+16"], object)})
@example({"a": np.array(["1", "inf"], object), "b": np.array(["2", "-5e3"], object)})
@example({"a": np.array([" x", " y"], object), "b": np.array(["01/02/2020", "02/03/2020"], object)})
def test_written_and_read_again_cells_are_the_same(tmp_path_factory: pytest.TempPathFactory, table: dict) -> None:
    folder = tmp_path_factory.mktemp("trip")
    data = read(table)
    for name in ("a.csv", "a.tsv", "a.parquet", "a.jsonl"):
        write(data, folder / name)
        again = read(folder / name, schema=data.columns)
        for c in data.table:
            assert again.table[c].equals(data.table[c]), (name, c, data.columns[c])


CENSUS_LIKE = (
    b"id,when,price,share,flag,code,gone\n"
    b'1,31.12.2020 08:05,"1,50",0.5,yes,007,?\n2,01.01.2021 23:59,"12,25",0.25,no,010,x\n'
    b'3,05.02.2021 00:00,"0,10",0.125,yes,100,y\n'
)


def test_forms_of_a_text_file_survive(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(CENSUS_LIKE)
    data = read(source)
    assert {n: (s.kind, s.format, s.missing) for n, s in data.columns.columns.items()} == {
        "id": ("id", None, None),
        "when": ("datetime", "%d.%m.%Y %H:%M", None),
        "price": ("number", ",0", None),
        "share": ("number", None, None),
        "flag": ("boolean", "no/yes", None),
        "code": ("category", None, None),
        "gone": ("category", None, "?"),
    }
    write(data, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_bytes() == CENSUS_LIKE


@pytest.mark.parametrize(
    ("texts", "form", "first"),
    [
        (["2020-01-31", "2020-02-01"], "%Y-%m-%d", "2020-01-31T00:00:00"),
        (["2020-01-31T10:00:00Z", "2020-02-01T11:30:15Z"], "%Y-%m-%dT%H:%M:%SZ", "2020-01-31T10:00:00"),
        (["2020-01-31 10:00:00+02:00"] * 2, "%Y-%m-%d %H:%M:%S+02:00", "2020-01-31T08:00:00"),
        (["31/01/2020", "01/02/2020"], "%d/%m/%Y", "2020-01-31T00:00:00"),
        (["1/31/2020", "2/1/2020"], "%-m/%-d/%Y", "2020-01-31T00:00:00"),
        (["31-Jan-20", "01-Feb-20"], "%d-%b-%y", "2020-01-31T00:00:00"),
        (["January 31, 2020", "May 1, 2020"], "%B %-d, %Y", "2020-01-31T00:00:00"),
        (["1/31/2020 1:05 PM", "2/1/2020 12:00 AM"], "%-m/%-d/%Y %-I:%M %p", "2020-01-31T13:05:00"),
        (["2020-01-31 10:00:00.125", "2020-01-31 10:00:00.250"], "%Y-%m-%d %H:%M:%S.%3f", "2020-01-31T10:00:00.125"),
    ],
)
def test_forms_of_dates(tmp_path: Path, texts: list[str], form: str, first: str) -> None:
    table = {"when": np.array(texts, object), "x": np.arange(len(texts))}
    data = read(table)
    assert data.columns["when"].format == form
    assert data.table["when"].values[0] == np.datetime64(first)
    write(data, tmp_path / "a.csv")
    again = read(tmp_path / "a.csv")
    assert again.table["when"].equals(data.table["when"])
    assert [line.split(",2")[0] for line in (tmp_path / "a.csv").read_text("utf-8").splitlines()][1].startswith(
        texts[0] if "," not in texts[0] else f'"{texts[0]}"'
    )


def test_day_or_month_first_is_said(tmp_path: Path) -> None:
    data = read({"when": np.array(["01/02/2020", "03/04/2020"], object)})
    assert "could be read day first or month first" in data.notes[0]
    decided = read({"when": np.array(["01/02/2020", "03/04/2020"], object)},
                   schema={"columns": {"when": {"format": "%d/%m/%Y"}}})  # fmt: skip
    assert decided.table["when"].values[0] == np.datetime64("2020-02-01")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    words = ["Müller", "Größe", "café", "naïve", "garçon"] * 12
    path = tmp_path / "a.csv"
    path.write_bytes(("name,x\n" + "".join(f"{w},{k}\n" for k, w in enumerate(words))).encode(encoding))
    assert read(path).table["name"].texts().tolist() == words


def test_metadata_travels_in_parquet(tmp_path: Path) -> None:
    data = read({"x": np.arange(3), "c": np.array(["?", "b", "b"])})
    write(data, tmp_path / "a.parquet", {"seedstock": '{"a": "b\'s"}'})
    again = read(tmp_path / "a.parquet")
    assert again.origin["metadata"] == {"seedstock": '{"a": "b\'s"}'}
    assert again.columns == data.columns
    assert again.table.equals(data.table)


def test_blocks_of_any_size_make_the_same_file(tmp_path: Path) -> None:
    data = read({"x": np.arange(1000) / 8, "c": np.array(["a", "b"] * 500)})
    for suffix in ("csv", "jsonl", "parquet", "arrow"):
        write(data, tmp_path / f"one.{suffix}")
        with Writer(tmp_path / f"many.{suffix}", data.columns) as writer:
            for start in range(0, 1000, 170):
                writer.append(data.take(slice(start, start + 170)))
        one, many = read(tmp_path / f"one.{suffix}"), read(tmp_path / f"many.{suffix}")
        assert many.table.equals(one.table)
        assert one.table["x"].equals(data.table["x"])


@QUICK
@given(st.binary(max_size=400), st.sampled_from(["csv", "tsv", "jsonl", "parquet", "arrow", "xlsx", "gz", "xyz"]))
def test_random_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / f"a.{suffix}"
    path.write_bytes(content)
    harmless(path)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow"])
def test_mutated_files(tmp_path: Path, suffix: str) -> None:
    data = read({"x": np.arange(60) / 4, "c": np.array(["a", "b", "é"] * 20), "k": np.arange(60)})
    good = tmp_path / f"good.{suffix}"
    write(data, good)
    whole = np.frombuffer(good.read_bytes(), np.uint8)
    rng = np.random.default_rng(5)
    for _ in range(40):
        bad = whole.copy()
        at = rng.integers(0, len(bad), rng.integers(1, 6))
        bad[at] = rng.integers(0, 256, len(at))
        path = tmp_path / f"bad.{suffix}"
        path.write_bytes(bad[: rng.integers(len(bad) // 2, len(bad) + 1)].tobytes())
        harmless(path)


def harmless(path: Path) -> None:
    """Reading gives a table or an error of one line; anything else comes out and fails the test."""
    said = ""
    try:
        read(path)
    except SeedstockError as error:
        said = str(error)
    assert "\n" not in said
