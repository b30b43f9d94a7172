"""Image sets in Parquet files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seedstock
from seedstock.core.errors import InputError
from seedstock.sources.image_tables import image_column
from seedstock.sources.images import is_images, read_images
from seedstock.sources.pictures import png

pytest.importorskip("PIL", reason="Pillow is not installed: pip install 'seedstock[images]'")
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 1), np.uint8)


def table(folder: Path, structs: bool, broken: bool = False) -> Path:
    cells = [png(x) for x in PIXELS]
    if broken:
        cells[3] = cells[3][:40]
    column = [{"bytes": c, "path": f"face_{k}.png"} for k, c in enumerate(cells)] if structs else cells
    frame = pd.DataFrame({"image" if structs else "picture": column, "label": [k % 3 for k in range(40)]})
    frame["score"] = 0.5
    frame.to_parquet(folder / "set.parquet")
    return folder / "set.parquet"


@pytest.mark.parametrize("structs", [True, False], ids=["structs", "bytes"])
def test_images_come_back(tmp_path: Path, structs: bool) -> None:
    file = table(tmp_path, structs)
    assert is_images(file)
    data = seedstock.read(file, target="label")
    assert data.domain == "image"
    assert (data.table["image"].values == PIXELS).all()
    assert data.table["label"].texts().tolist()[:4] == ["0", "1", "2", "0"]
    assert data.columns.target == "label"
    assert "score" not in data.table, "measured numbers are no labels"
    assert data.table["file"].texts()[1] == ("face_1" if structs else "000002")


def test_damaged_images_are_left_out_with_their_labels(tmp_path: Path) -> None:
    data = read_images(table(tmp_path, True, broken=True))
    assert len(data.table) == 39
    assert data.table["label"].texts().tolist()[3] == "1"
    assert any("1 files could not be read" in n for n in data.notes)


def test_other_tables_are_no_images(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2], "raw": [b"no image", b"at all"]}).to_parquet(tmp_path / "a.parquet")
    assert image_column(tmp_path / "a.parquet") is None
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and nothing more")
    assert image_column(tmp_path / "b.parquet") is None
    with pytest.raises(InputError):
        read_images(tmp_path / "a.parquet")


def test_a_set_grows(tmp_path: Path) -> None:
    grown = seedstock.grow(table(tmp_path, True), target="label", generator="image_gaussian", output=tmp_path / "out")
    assert len(read_images(tmp_path / "out" / "synthetic").table) == 40
    assert grown.verdict is not None
