"""What bad input gets: one line that says what is wrong and what to do, or the work done."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from seedstock.core.errors import InputError, SeedstockError
from seedstock.core.table import Dataset
from seedstock.sources.read import read
from seedstock.sources.write import Writer, write

CSV = b"a,b,c\n1,x,2.5\n2,y,3.5\n3,z,4.5\n"


def file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def complaint(source: object, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read(source, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 400
    return text


@pytest.fixture
def parquet(tmp_path: Path) -> bytes:
    path = tmp_path / "good.parquet"
    write(read({"x": np.arange(500) * 1.5, "s": np.array(["a", "b"] * 250)}), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n", "no rows"),
        ("a.csv", b"a,b\n1,2\n3,4,5\n6,7\n", "line 3"),
        ("a.csv", b"a,b\n" + b"1,2\n" * 30000 + b"3,4,5\n", "line 30002"),
        ("a.csv", bytes(range(256)) * 40, "binary"),
        ("a.csv", b"a,b\n1,\x00\n", "binary"),
        ("a.parquet", b"PAR1 this is none PAR1", "damaged"),
        ("a.parquet", CSV, "damaged or is not"),
        ("a.xlsx", b"PK\x03\x04 no workbook", "Excel"),
        ("a.feather", b"FEA1 old", "version 1"),
        ("a.arrow", b"ARROW1\x00\x00 nothing", "Arrow"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "line 2"),
        ("a.jsonl", b"3\n4\n", "line 1"),
        ("a.gz", gzip.compress(CSV * 100, mtime=0)[:-30], "truncated gzip"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.csv", b"a,b\n1," + b"x" * (20 * 2**20) + b"\n", "16 MiB"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    assert says in complaint(file(tmp_path, name, content))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_truncated_parquet(tmp_path: Path, parquet: bytes, share: float) -> None:
    assert "Parquet" in complaint(file(tmp_path, "cut.parquet", parquet[: int(len(parquet) * share)]))


def test_no_file_folder_and_permission(tmp_path: Path) -> None:
    assert "there is no file" in complaint(tmp_path / "none.csv")
    assert "is empty; bring images, logs, or a table" in complaint(tmp_path)
    path = file(tmp_path, "closed.csv", CSV)
    path.chmod(0)
    if not os.access(path, os.R_OK):  # root may read all
        assert "permission" in complaint(path)


def test_frames_that_are_none() -> None:
    assert "no rows" in complaint({"x": np.empty(0)})
    assert "no columns" in complaint({})
    assert "different lengths" in complaint({"x": np.zeros(2), "y": np.zeros(3)})
    assert "hand in" in complaint(42)


def test_target_that_is_not_there(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", b"income,age\n1,2\n3,4\n")
    assert "did you mean 'income'" in complaint(path, target="Incme")
    assert "there are 'income', 'age'" in complaint(path, target="zzz")
    assert "'agee'" in complaint(path, kinds={"agee": "category"})


def test_schema_names_column_row_and_value(tmp_path: Path) -> None:
    schema = read(file(tmp_path, "a.csv", CSV)).columns
    text = complaint(file(tmp_path, "b.csv", b"a,b,c\n1,x,2.5\ntwo,y,3.5\n"), schema=schema)
    assert "'a'" in text
    assert "row 2" in text
    assert "'two'" in text
    assert "lack 'c'" in complaint(file(tmp_path, "c.csv", b"a,b\n1,x\n"), schema=schema)
    assert "in addition 'd'" in complaint(file(tmp_path, "d.csv", b"a,b,c,d\n1,x,1,1\n"), schema=schema)
    # The order of the file does not matter: the schema's is kept.
    assert read(file(tmp_path, "e.csv", b"c,a,b\n2.5,1,x\n"), schema=schema).table.names == ["a", "b", "c"]


def test_schema_files(tmp_path: Path) -> None:
    data = file(tmp_path, "a.csv", CSV)
    good = file(tmp_path, "s.toml", b'[columns]\na = "category"\nb = {kind = "id", role = "key"}\n')
    columns = read(data, schema=good).columns
    assert (columns["a"].kind, columns["b"].kind, columns["b"].roles) == ("category", "id", ("key",))
    for content, says in [
        (b"[columns.a]\nknd = 'x'", "unknown key 'knd'"),
        (b"[columns.a]\nkind = 'x'", "kind of 'a'"),
        (b"[columns.zz]\nkind = 'text'", "'zz'"),
        (b"[other]\n", "unknown key 'other'"),
        (b"{", "neither TOML nor JSON"),
    ]:
        assert says in complaint(data, schema=file(tmp_path, "bad.toml", content))
    assert "no schema file" in complaint(data, schema=tmp_path / "none.toml")


def test_names_that_are_empty_or_twice(tmp_path: Path) -> None:
    data = read(file(tmp_path, "a.csv", b"a,,a,b\n1,x,2.5,q\n2,y,3.5,r\n"))
    assert data.table.names == ["a", "column_2", "a_2", "b"]
    assert len(data.notes) == 2


def test_hostile_names_and_cells_are_data(tmp_path: Path) -> None:
    names = ["<script>alert(1)</script>", '"; DROP TABLE t; --', "\x1b[31m", "=cmd|' /C calc'!A0", "{x}", "a'b", "A'B"]
    cells = np.array(["=1+1", "@SUM(A1)", "-x", "\x1b]0;t\x07"] * 3, object)
    data = read(dict.fromkeys(names, cells))
    for name in ("x.csv", "x.parquet", "x.jsonl", "x.tsv"):
        write(data, tmp_path / name, {"k'": "');"})
        again = read(tmp_path / name, schema=data.columns)
        assert again.table.equals(data.table), name


@pytest.mark.parametrize("content", [b"a\n1\n", b"a,b\n1,2\n", b"x\nhello\n"])
def test_one_row_and_one_column(tmp_path: Path, content: bytes) -> None:
    assert len(read(file(tmp_path, "a.csv", content)).table) == 1


def test_columns_without_values_constant_and_mixed(tmp_path: Path) -> None:
    rows = b"".join(b"%d,,7,%s,inf,99999999999999999999\n" % (k, b"x" if k % 9 == 0 else b"5") for k in range(30))
    data = read(file(tmp_path, "a.csv", b"k,none,same,mix,far,big\n" + rows))
    kinds = {n: s.kind for n, s in data.columns.columns.items()}
    assert kinds["none"] == "category"
    assert data.table["none"].missing.all()
    assert kinds["same"] == "number"
    assert kinds["mix"] == "category"
    assert kinds["big"] in ("category", "text")
    notes = " ".join(data.notes)
    assert "'mix' has numbers in 86.7% of its cells" in notes
    assert "'big' holds whole numbers beyond 64 bits" in notes
    assert "'none' has no values" in notes


def test_nothing_half_written(tmp_path: Path) -> None:
    data = read({"x": np.arange(10)})
    target = tmp_path / "out.csv"
    for name in ("out.csv", "out.parquet", "out.jsonl", "out.arrow"):
        with pytest.raises(KeyboardInterrupt):
            interrupted(tmp_path / name, data)
        assert list(tmp_path.iterdir()) == []
    write(data, target)
    before = target.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        interrupted(target, data)
    assert target.read_bytes() == before


def interrupted(path: Path, data: Dataset) -> None:
    with Writer(path, data.columns) as writer:
        writer.append(data)
        raise KeyboardInterrupt


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    data = read({"x": np.arange(3)})
    for path, says in [(tmp_path / "x.docx", "suffix"), (tmp_path / "no" / "x.csv", "no folder")]:
        with pytest.raises(SeedstockError, match=says):
            write(data, path)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(SeedstockError, match="is a folder"):
        write(data, tmp_path / "d.csv")
    if Path("/dev/full").exists():
        with pytest.raises(SeedstockError, match="disk is full"):
            _write_to_full_disk(tmp_path, data)


def _write_to_full_disk(folder: Path, data: Dataset) -> None:
    writer = Writer(folder / "x.csv", data.columns)
    writer._new.symlink_to("/dev/full")
    with writer:
        writer.append(data)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("price,1,name\n5,7,x\n7,8,y\n", ["price", "1", "name"]),
        (",0\n0,5\n1,7\n2,9\n", ["column_1", "0"]),  # a series of pandas, written with its index
        ("at,1,name\n22:15,7,x\n07:30,8,y\n", ["at", "1", "name"]),
        ("22:15,7,x\n07:30,8,y\n", ["column_1", "column_2", "column_3"]),
        ("5,7,x\n7,8,y\n2,2,z\n", ["column_1", "column_2", "column_3"]),
        ("?,7,x\n7,8,y\n2,2,z\n", ["column_1", "column_2", "column_3"]),
    ],
)
def test_a_name_may_be_a_number(tmp_path: Path, text: str, names: list[str]) -> None:
    assert read(file(tmp_path, "a.csv", text.encode())).table.names == names
