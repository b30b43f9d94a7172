import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from seedstock import store
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.independent import Independent


@pytest.fixture
def model(tmp_path: Path) -> Path:
    data = Dataset(
        {"data": Table({"x": Column.of(np.arange(50.0)), "t": Column.of_texts(["a", "b"] * 25)})},
        Schema({"data": TableSchema({"x": ColumnSchema("number", dtype="float64"), "t": ColumnSchema("category")})}),
    )
    store.save(Independent().fit(data, Rng(1)), "independent", tmp_path / "model", {"seed": 1})
    return tmp_path / "model"


def test_round_trip(model: Path) -> None:
    stored = store.load(model)
    assert stored.generator == "independent"
    assert stored.about == {"seed": 1}
    assert len(stored.fitted.sample(7, Rng(0)).table) == 7
    assert sorted(p.name for p in model.iterdir()) == ["arrays.npz", "model.json"]
    assert [p.name for p in model.parent.iterdir()] == ["model"], "nothing half is left beside it"


def change(model: Path, **values: object) -> None:
    head = json.loads((model / "model.json").read_text())
    head = {k: v for k, v in {**head, **values}.items() if v is not None}
    (model / "model.json").write_text(json.dumps(head))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"format": "other"}, "says something else"),
        ({"version": 99}, "update Seedstock"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"generator": "nobody"}, "no generator 'nobody'"),
        ({"generator": "../../evil"}, "no generator"),
        ({"generator": 5}, "missing"),
        ({"meta": None}, "missing"),
        ({"meta": {}}, "damaged"),
        ({"meta": {"plan": [], "own": 3}}, "damaged"),
        ({"meta": {"plan": {"schema": {"tables": {}}, "atoms": {}, "makers": {}, "empty": {}}, "own": {}}}, "damaged"),
    ],
)
def test_foreign_damaged_and_newer_models_are_refused(model: Path, values: dict[str, object], said: str) -> None:
    change(model, **values)
    with pytest.raises(InputError, match=said) as error:
        store.load(model)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "\x00\x01", "[" * 100_000])
def test_junk_json_is_refused(model: Path, text: str) -> None:
    (model / "model.json").write_text(text)
    with pytest.raises(InputError, match="no Seedstock model"):
        store.load(model)


def test_cut_and_flipped_arrays_are_refused(model: Path) -> None:
    whole = (model / "arrays.npz").read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        (model / "arrays.npz").write_bytes(whole[:cut])
        with pytest.raises(InputError, match="damaged"):
            store.load(model)
    g = np.random.default_rng(0)
    for _ in range(60):
        flipped = bytearray(whole)
        flipped[g.integers(len(whole))] ^= 1 << g.integers(8)
        (model / "arrays.npz").write_bytes(flipped)
        # A flip in the archive's dates changes nothing; any other is noticed, as the one kind of error.
        with suppress(InputError):
            store.load(model)
    (model / "arrays.npz").unlink()
    with pytest.raises(InputError, match=r"no arrays\.npz"):
        store.load(model)


def test_pickled_arrays_are_never_opened(model: Path) -> None:
    np.savez(model / "arrays.npz", x=np.array([{"a": 1}], object))
    with pytest.raises(InputError, match="damaged"):
        store.load(model)


def test_a_bomb_is_refused_before_it_is_unpacked(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_ARRAY_BYTES", 10_000_000)
    held = io.BytesIO()
    np.save(held, np.zeros(4_000_000))
    with zipfile.ZipFile(model / "arrays.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", held.getvalue())
    with pytest.raises(InputError, match="claim"):
        store.load(model)


def test_other_folders_are_not_overwritten(model: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years")
    fitted = store.load(model).fitted
    with pytest.raises(InputError, match="holds other files"):
        store.save(fitted, "independent", mine, {})
    assert (mine / "thesis.txt").read_text() == "years"
    store.save(fitted, "independent", model, {"seed": 2})
    assert store.load(model).about == {"seed": 2}
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        store.save(fitted, "independent", tmp_path / "file", {})


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "f.txt"
    target.write_text("old")

    def stop(new: Path) -> None:
        new.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.file_in_place(target, stop)
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f.txt"]


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model folder"):
        store.load(tmp_path / "nowhere")
