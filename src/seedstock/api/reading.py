"""Sources as data sets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seedstock.core.errors import InputError
from seedstock.core.schema import Schema, TableSchema
from seedstock.core.table import Dataset

Source = Any
"""A path, a pandas, Polars or Arrow frame, or a `Dataset`."""


def read(
    source: Source,
    target: str | None = None,
    schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
    size: int | None = None,
    *,
    series: bool = True,
) -> Dataset:
    """Read a file or a frame, and find out what its columns are.

    Parameters
    ----------
    source : path, pandas.DataFrame, polars.DataFrame, pyarrow.Table or Dataset
        Files: CSV, TSV, JSON lines, Parquet, Arrow/Feather, Excel. Linked tables: an SQLite file, a folder of table
        files, or a mapping of names to frames. Images: a folder of image files, or an npz file.
    target : str or None
        The column that a model is to learn.
    schema : path or mapping or None
        A schema file (TOML or JSON), or what it says.
    kinds, roles : mapping or None
        Column -> kind (``number``, ``category``, ``id``, ...), column -> role, where the guess is wrong.
    size : int or None
        Height and width to which images are brought.
    series : bool
        Whether rows at regular times are known by themselves as readings of a series (the notes say so), and get the
        roles ``order`` and ``entity``. A column whose role is given, be it an empty one, is left as it is.
    """
    if isinstance(source, Dataset):
        if target is None:
            return source
        return with_target(source, target)
    from seedstock.sources.images import is_images, read_images
    from seedstock.sources.linked import is_linked, read_linked
    from seedstock.sources.read import read as read_source
    from seedstock.sources.regular import recognised

    if is_images(source) and isinstance(source, str | os.PathLike):
        if schema is not None or kinds:
            raise InputError("an image set has images and labels; say with roles what a label is, without a schema")
        return read_images(source, size, target, roles)
    if size is not None:
        raise InputError("a size is for images, and this source holds none; leave it out")
    if is_linked(source):
        if target is not None:
            raise InputError("linked tables have no single target column; leave the target out")
        return read_linked(source, schema, kinds, roles)
    data = read_source(source, schema=schema, target=target, kinds=kinds, roles=roles)
    return recognised(data, roles) if series and not isinstance(schema, Schema | TableSchema) else data


def with_target(data: Dataset, target: str) -> Dataset:
    """Return a data set with another target column."""
    columns = data.columns
    for name in columns.with_role("target"):
        columns = columns.replace_column(name, roles=tuple(r for r in columns[name].roles if r != "target"))
    columns = columns.replace_column(target, roles=(*columns[target].roles, "target"))
    return replace(data, schema=replace(data.schema, tables={data.name: columns}))


def read_like(source: Source, real: Dataset) -> Dataset:
    """Read a second source by the first one's schema."""
    if isinstance(source, Dataset):
        return source
    from seedstock.sources.linked import read_linked
    from seedstock.sources.read import read as read_source

    if real.domain == "image" and isinstance(source, str | os.PathLike):
        from seedstock.sources.images import read_images

        return read_images(source, like=real)
    if real.domain == "linked":
        return read_linked(source, real.schema)
    return read_source(source, schema=real.schema)
