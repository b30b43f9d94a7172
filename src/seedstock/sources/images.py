"""Image sets: a folder of image files, npz or Parquet -> a table with a column of images and columns of labels."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources.image_tables import encoded_images, image_column
from seedstock.sources.pictures import SUFFIXES, Bytes, Head, UnreadableError, head, pixels

IMAGE, FILE, LABEL = "image", "file", "label"
LABELS_FILE, RECORD_FILE = "labels.csv", "seedstock.json"
MAX_SIDE = 64
"""Sides in pixels to which sets of mixed or larger images are brought, where nothing else is asked."""
MAX_BYTES = 4 * 2**30
MAX_FILES = 2_000_000
_MAX_LABELS_BYTES = 200 * 2**20


def is_images(source: Any) -> bool:
    """Tell whether a source is a folder with image files, an npz file, or a Parquet file with a column of images.

    >>> is_images("census.csv"), is_images({"x": [1]})
    (False, False)
    """
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source)
    try:
        if path.is_file():
            return path.suffix.lower() == ".npz" or image_column(path) is not None
        return path.is_dir() and any(p.suffix.lower() in SUFFIXES for p in _walk(path))
    except (OSError, ValueError):
        return False


def read_images(
    source: str | os.PathLike[str],
    size: int | None = None,
    target: str | None = None,
    roles: Mapping[str, Any] | None = None,
    like: Dataset | None = None,
) -> Dataset:
    """Read a set of images; all get one size and either colour or shades of grey.

    Parameters
    ----------
    source : path
        A folder: labels are the names of subfolders, or the columns of ``labels.csv`` (its first column, or the one
        called ``file``, names the image). Or an npz file: the array with three or four dimensions holds the images,
        arrays as long as it are labels. Or a Parquet file with a column of PNG, JPEG, ... bytes (or of structs with
        ``bytes`` and ``path``): its other plain columns are labels.
    size : int or None
        Height and width in pixels. By default images keep their size where all have the same and it is at most 64
        pixels; else they are brought to 64 pixels, or the smallest side there is.
    target : str or None
        The label that gets the role ``target``.
    roles : mapping or None
        Label -> role: ``group`` keeps the images of one person on one side of a split.
    like : Dataset or None
        A set whose size and colour are taken.

    Returns
    -------
    Dataset
        Columns ``image`` (uint8, height x width x 1 or 3), ``file``, and the labels. ``origin`` has what was done to
        the images under ``steps``, and files that could not be read under ``unreadable``.

    Raises
    ------
    InputError
        Where there is no image, or they take more than 4 GiB.
    """
    if size is not None and not 4 <= size <= 1024:
        raise InputError(f"the size of images must be 4 to 1024 pixels, not {size}")
    path = Path(source)
    if not path.exists():
        raise InputError(f"there is no file or folder {str(path)!r}")
    read = _folder if path.is_dir() else _npz if path.suffix.lower() == ".npz" else _parquet
    values, labels, names, origin = read(path, size, like)
    columns = {IMAGE: Column.of(values), FILE: Column.of_texts(names)}
    schemas = {IMAGE: ColumnSchema("image", dtype="image"), FILE: ColumnSchema("id", dtype="string")}
    for name, cells in labels.items():
        columns[name] = Column.of_texts(cells)
        schemas[name] = ColumnSchema("category", dtype="string")
    for name, said in {**(roles or {}), **({target: "target"} if target else {})}.items():
        if name not in labels:
            raise InputError(f"there is no label {name!r}; there are {', '.join(map(repr, labels)) or 'none'}")
        own = (said,) if isinstance(said, str) else tuple(said)
        schemas[name] = ColumnSchema("category", tuple(dict.fromkeys((*schemas[name].roles, *own))), dtype="string")
    notes = tuple(_notes(origin))
    origin |= {"path": str(path), "format": "images", "rows": len(values), "columns": len(columns)}
    return Dataset({"data": Table(columns)}, Schema({"data": TableSchema(schemas)}), origin, notes)


def _notes(origin: Mapping[str, Any]) -> list[str]:
    out = [f"Images: {step}." for step in origin["steps"]]
    if bad := origin["unreadable"]:
        shown = "; ".join(f"{name}: {why}" for name, why in list(bad.items())[:5])
        out.append(f"{len(bad):,} files could not be read and are left out: {shown}{' ...' if len(bad) > 5 else ''}.")
    return out


def _walk(folder: Path) -> list[Path]:
    """Return the folder's files up to two levels down, sorted; links are not followed out of it."""
    out: list[Path] = []
    for base, folders, files in os.walk(folder):
        deep = len(Path(base).relative_to(folder).parts)
        folders[:] = sorted(f for f in folders if not f.startswith(".")) if deep < 3 else []
        out += [Path(base, f) for f in files if not f.startswith(".")]
        if len(out) > MAX_FILES:
            raise InputError(f"the folder {str(folder)!r} has more than {MAX_FILES:,} files; take a part of it")
    return sorted(out)


def _folder(folder: Path, size: int | None, like: Dataset | None) -> Any:
    files = {p.relative_to(folder).as_posix(): p for p in _walk(folder) if p.suffix.lower() in SUFFIXES}
    values, kept, origin = _decoded(files, repr(str(folder)), size, like)
    paths = [files[name] for name in kept]
    names = [name.removesuffix(p.suffix) for name, p in zip(kept, paths, strict=True)]
    if (record := folder / RECORD_FILE).is_file():
        origin["metadata"] = _pairs(record)
    return values, _labels(folder, paths), names, origin


def _parquet(path: Path, size: int | None, like: Dataset | None) -> Any:
    column = image_column(path)
    if column is None:
        raise InputError(f"{path.name!r} has no column of images; bring PNG or JPEG bytes in a Parquet file")
    images, labels = encoded_images(path, column)
    values, kept, origin = _decoded(images, repr(path.name), size, like)
    rows = {name: k for k, name in enumerate(images)}
    reserved = {IMAGE, FILE}
    return values, {k: [v[rows[n]] for n in kept] for k, v in labels.items() if k not in reserved}, kept, origin


def _decoded(
    sources: Mapping[str, Path | bytes], where: str, size: int | None, like: Dataset | None
) -> tuple[Bytes, list[str], dict[str, Any]]:
    """Return the pixels of all images that can be read, their names, and what was done."""
    heads: dict[str, Head] = {}
    unreadable: dict[str, str] = {}
    for name, source in sources.items():
        try:
            heads[name] = head(source)
        except UnreadableError as error:
            unreadable[name] = str(error)
    if not heads:
        why = _first(unreadable) if unreadable else "no image file is in it"
        raise InputError(f"{where} holds no image that can be read: {why}; bring PNG or JPEG files")
    (width, height, colour), steps = _form(list(heads.values()), size, like)
    _fits(len(heads), width, height, colour)
    values: list[Bytes] = []
    kept: list[str] = []
    digest = hashlib.sha256()
    for name in heads:
        try:
            values.append(pixels(sources[name], width, height, colour))
        except UnreadableError as error:
            unreadable[name] = str(error)
        else:
            kept.append(name)
            digest.update(values[-1].tobytes())
    if not kept:
        why = _first(unreadable)
        raise InputError(f"none of the {len(heads)} images in {where} could be decoded: {why}; bring whole files")
    return np.stack(values), kept, {"steps": steps, "unreadable": unreadable, "hash": digest.hexdigest()}


def _first(unreadable: Mapping[str, str]) -> str:
    name, why = next(iter(unreadable.items()))
    more = f", and {len(unreadable) - 1:,} more" if len(unreadable) > 1 else ""
    return f"{name[:100]!r}: {why}{more}"


def _form(heads: list[Head], size: int | None, like: Dataset | None) -> tuple[tuple[int, int, bool], list[str]]:
    """Return width, height and colour of all images, and what has to be done to get there, in words."""
    sizes = Counter((h.width, h.height) for h in heads)
    colour = any(h.colour for h in heads)
    steps = []
    if like is not None:
        _, height, width, channels = like.table[like.columns.of_kind("image")[0]].values.shape
        width, height, colour = int(width), int(height), channels == 3
    elif size is not None:
        width = height = size
    elif len(sizes) == 1 and max(heads[0].width, heads[0].height) <= MAX_SIDE:
        width, height = heads[0].width, heads[0].height
    else:
        width = height = max(4, min(MAX_SIDE, *(min(s) for s in sizes)))
    if set(sizes) != {(width, height)}:
        most = "{} x {}".format(*sizes.most_common(1)[0][0])
        steps.append(
            f"brought to {width} x {height} pixels from {len(sizes)} size{'s' * (len(sizes) > 1)} (mostly {most}), cut "
            f"in the middle and resampled"
        )
    if 0 < sum(h.colour for h in heads) < len(heads):
        steps.append(
            f"{'colour' if colour else 'grey'} for all, of which {sum(h.colour for h in heads)} were in colour"
        )
    if n := sum(h.transparent for h in heads):
        steps.append(f"{n} with transparent parts put on white")
    return (width, height, colour), steps


def _fits(n: int, width: int, height: int, colour: bool) -> None:
    need = n * width * height * (3 if colour else 1)
    if need > MAX_BYTES:
        raise InputError(
            f"{n:,} images of {width} x {height} take {need / 2**30:.1f} GiB, and {MAX_BYTES / 2**30:.0f} are the "
            f"most; ask for smaller ones with --size"
        )


def _labels(folder: Path, files: list[Path]) -> dict[str, list[str | None]]:
    sheet = folder / LABELS_FILE
    if sheet.is_file():
        return _sheet(sheet, folder, files)
    parents = [p.parent.relative_to(folder).as_posix() for p in files]
    return {} if len(set(parents)) == 1 else {LABEL: [None if p == "." else p for p in parents]}


def _sheet(sheet: Path, folder: Path, files: list[Path]) -> dict[str, list[str | None]]:
    if sheet.stat().st_size > _MAX_LABELS_BYTES:
        raise InputError(f"{sheet.name} has {sheet.stat().st_size:,} bytes; {_MAX_LABELS_BYTES:,} are the most")
    try:
        rows = list(csv.reader(sheet.read_text("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{sheet.name} is no CSV file in UTF-8 ({error}); save it as one") from None
    if not rows or len(set(rows[0])) != len(rows[0]) or not rows[0]:
        raise InputError(f"{sheet.name} needs a first line with distinct column names")
    names = rows[0]
    key = names.index(FILE) if FILE in names else 0
    by_file = {r[key].removesuffix(Path(r[key]).suffix): r for r in rows[1:] if len(r) == len(names)}
    found = [by_file.get(p.relative_to(folder).as_posix().removesuffix(p.suffix)) for p in files]
    if not any(found):
        raise InputError(
            f"{sheet.name} names none of the images in its column {names[key]!r}; name them as in the folder"
        )
    reserved = {IMAGE, FILE}
    if clash := reserved & {n for i, n in enumerate(names) if i != key}:
        raise InputError(f"{sheet.name} has a label column {min(clash)!r}; call it something else")
    return {n: [r[i] or None if r else None for r in found] for i, n in enumerate(names) if i != key}


def _pairs(file: Path) -> dict[str, str]:
    try:
        value = json.loads(file.read_text("utf-8"))
    except (ValueError, OSError, RecursionError):
        raise InputError(f"{file.name} beside the images is damaged; their origin is unknown without it") from None
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def _npz(path: Path, size: int | None, like: Dataset | None) -> Any:
    try:
        with np.load(path, allow_pickle=False) as file:
            total = sum(i.file_size for i in zipfile.ZipFile(path).infolist())
            if total > MAX_BYTES:
                raise InputError(
                    f"{path.name} unpacks to {total / 2**30:.1f} GiB; {MAX_BYTES / 2**30:.0f} are the most"
                )
            arrays = {k: file[k] for k in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, KeyError, EOFError) as error:
        raise InputError(f"{path.name} is no npz file that can be read ({str(error)[:100]})") from None
    names = [k for k, a in arrays.items() if a.ndim in (3, 4) and a.dtype.kind in "uif"]
    if len(names) != 1:
        raise InputError(f"{path.name} needs one array of images (n x height x width), and has {len(names)}")
    images = arrays.pop(names[0])
    images = images[..., None] if images.ndim == 3 else images
    if not len(images) or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise InputError(f"{path.name} has images of shape {images.shape}; they need 1 or 3 channels at the end")
    steps = []
    if images.dtype != np.uint8:
        if not np.isfinite(images).all():
            raise InputError(f"{path.name} has pixels that are not finite")
        low, high = float(images.min()), float(images.max())
        top = 255.0 if high > 1 else 1.0
        if low < 0 or high > 255:
            raise InputError(f"{path.name} has pixels from {low:g} to {high:g}; they must be 0..1 or 0..255")
        images = np.round(images.astype(np.float64) * (255.0 / top)).astype(np.uint8)
        steps.append(f"pixels from {low:g}..{high:g} to bytes")
    n, height, width, channels = images.shape
    (w, h, colour), more = _form([Head(width, height, channels == 3, False)], size, like)
    if (w, h) != (width, height) or colour != (channels == 3):
        from seedstock.sources.pictures import png

        images = np.stack([pixels(png(x), w, h, colour) for x in images])
    labels = {
        k: [str(v) for v in a.tolist()]
        for k, a in arrays.items()
        if a.ndim == 1 and len(a) == n and k not in (IMAGE, FILE)
    }
    origin = {"steps": steps + more, "unreadable": {}, "hash": hashlib.sha256(images.tobytes()).hexdigest()}
    return images, labels, [f"{k + 1:06d}" for k in range(n)], origin
