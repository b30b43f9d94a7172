"""What the generators of image sets share: blocks, labels and conditions, and the way from points to pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.results import State
from seedstock.core.rng import Rng, blocks
from seedstock.core.schema import ColumnSchema, Schema
from seedstock.core.table import Column, Dataset, Table

Pixels = NDArray[np.float32]
Labels = NDArray[np.int64]
FREE = -1


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Training images as a generator sees them.

    Attributes
    ----------
    pixels : float32 ndarray, shape (n, height, width, channels)
        In -1..1.
    labels : int64 ndarray, shape (n,)
        The row of `combinations` that each image's labels are; 0 where there are no label columns.
    combinations : Table
        The distinct combinations of the label columns, one row each.
    """

    pixels: Pixels
    labels: Labels
    combinations: Table

    @classmethod
    def of(cls, data: Dataset) -> ImageSet:
        """Read a data set with one image column; an `InputError` where there is none, or no image."""
        name = image_column(data.schema)
        column = data.table[name]
        here = ~column.missing
        if not here.any():
            raise InputError("there is no image to learn from; bring a folder with at least one")
        rows = data.table.take(here)
        others = [c for c, s in data.columns.columns.items() if s.kind in ("category", "boolean") and not _of_unit(s)]
        if not others:
            return cls(to_floats(rows[name].values), np.zeros(len(rows), np.int64), Table({}, 1))
        from seedstock.core.split import row_codes

        codes = row_codes(rows.select(others))
        first = np.unique(codes, return_index=True)[1]
        return cls(to_floats(rows[name].values), codes, rows.select(others).take(first))


def _of_unit(s: ColumnSchema) -> bool:
    """Tell whether a column says whom an image shows: drawn images show nobody."""
    return bool({"group", "entity"} & set(s.roles))


def image_column(schema: Schema) -> str:
    """Return the name of the only image column of the only table."""
    tables = list(schema.tables.values())
    names = tables[0].of_kind("image") if len(tables) == 1 else []
    if len(names) != 1:
        raise InputError(f"a generator of images needs one table with one image column, and there are {len(names)}")
    return names[0]


def to_floats(values: NDArray[np.uint8]) -> Pixels:
    """Return bytes 0..255 as numbers -1..1."""
    return np.asarray(values, np.float32) / 127.5 - 1.0


def to_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return numbers -1..1 as bytes, cut off at the ends."""
    return np.clip(np.round((np.asarray(pixels, np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class ImageFitted(ABC):
    """A fitted model of an image set that draws pixels; this class does the rest of the contract.

    Attributes
    ----------
    schema : Schema
    combinations : Table
        The label columns' combinations.
    counts : ndarray, shape (k,)
        Training images of each combination.
    shape : tuple of three int
        Height, width, channels.
    """

    schema: Schema
    combinations: Table
    counts: NDArray[np.int64]
    shape: tuple[int, int, int]
    part: ClassVar[int] = 256
    """Images drawn at a time: each part has its own stream, so that any division gives the same images."""
    unmarkable: ClassVar[str] = "pixels carry no mark of values; the record says what they are"

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of the standard normal noise that one image is made of."""

    @abstractmethod
    def decode(self, noise: NDArray[np.float32], labels: Labels) -> Pixels:
        """Return the image of each noise (n, *noise_shape) and label (a row of `combinations`), (n, h, w, channels)."""

    @abstractmethod
    def complete(self, pixels: Pixels, known: NDArray[np.bool_], labels: Labels, rng: Rng) -> Pixels:
        """Return images that fit `pixels` (n, h, w, channels) where `known`, of that shape, is true."""

    def draw(self, labels: Labels, rng: Rng) -> Pixels:
        """Return one image for each label, shape (n, height, width, channels)."""
        return self.decode(rng.generator().standard_normal((len(labels), *self.noise_shape), np.float32), labels)

    @abstractmethod
    def own_state(self) -> State:
        """Return the state besides schema and labels."""

    @classmethod
    @abstractmethod
    def from_own_state(
        cls, schema: Schema, combinations: Table, counts: NDArray[np.int64], shape: tuple[int, int, int], state: State
    ) -> Self:
        """Make the model again."""

    def sample(self, n: int, rng: Rng, given: Any = None, start: int = 0) -> Dataset:
        """Draw exactly n images; `given` is a table with label columns whose present cells are kept."""
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
        wanted = self._wanted(None if given is None else Given.of(given), n)
        labels, pixels = [], []
        for block, rows in blocks(n, start):
            stream = rng.child("block", block)
            done = sum(map(len, labels))
            drawn = self._labels(wanted[done : done + rows], stream.child("labels").generator())
            labels.append(drawn)
            for k in range(0, rows, self.part):
                # Whole parts are drawn and cut, or the last image would depend on how many were asked for.
                part = drawn[k : k + self.part]
                if len(part) < self.part:
                    part = np.concatenate([part, np.full(self.part - len(part), part[0])])
                pixels.append(to_bytes(self.draw(part, stream.child("part", k // self.part))[: rows - k]))
        codes = np.concatenate(labels) if labels else np.empty(0, np.int64)
        images = np.concatenate(pixels) if pixels else np.empty((0, *self.shape), np.uint8)
        name = image_column(self.schema)
        columns: dict[str, Column] = {}
        for column, s in next(iter(self.schema.tables.values())).columns.items():
            if column == name:
                columns[column] = Column.of(images)
            elif column in self.combinations:
                columns[column] = self.combinations[column].take(codes)
            elif s.kind == "id" or (_of_unit(s) and s.dtype in ("string", "categorical")):
                columns[column] = Column.of_texts([f"{start + k + 1:06d}" for k in range(n)])
            else:
                columns[column] = _missing(s.dtype, n)
        table = next(iter(self.schema.tables))
        return Dataset({table: Table(columns, n)}, self.schema)

    def between(self, steps: int, label: int | Mapping[str, Any] = 0, seed: int = 0) -> NDArray[np.uint8]:
        """Return images on the way between two drawn ones (the great circle of their noise), shape (steps, h, w, c).

        Parameters
        ----------
        steps : int
            2 or more.
        label : int or mapping
            Labels as ``{"column": "value"}``, or the row of `combinations`.
        """
        if steps < 2:
            raise InputError(f"steps must be 2 or more, not {steps}")
        a, b = Rng(seed).child("between").generator().standard_normal((2, *self.noise_shape), np.float32)
        angle = np.arccos(np.clip((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()), -1, 1))
        t = np.linspace(0, 1, steps, dtype=np.float32).reshape(-1, *(1 for _ in self.noise_shape))
        noise = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
        return to_bytes(self.decode(noise.astype(np.float32), np.full(steps, self.row_of(label), np.int64)))

    def fill(
        self, images: NDArray[np.uint8], known: NDArray[np.bool_], label: int | Mapping[str, Any] = 0, seed: int = 0
    ) -> NDArray[np.uint8]:
        """Return images whose unknown pixels are drawn to fit the known ones, which stay as they are.

        Parameters
        ----------
        images : uint8 ndarray, shape (n, height, width, channels)
        known : bool ndarray, shape (height, width) or (n, height, width)
            True where a pixel is kept.
        label : int or mapping
            Labels as ``{"column": "value"}``, or the row of `combinations`.
        """
        images, known = np.asarray(images), np.asarray(known)
        if images.dtype != np.uint8 or images.shape[1:] != self.shape:
            raise InputError(f"images to fill must be bytes of the shape {self.shape}, not {images.shape[1:]}")
        if known.dtype != bool or known.shape not in (self.shape[:2], images.shape[:3]):
            raise InputError(f"known must be true or false for {self.shape[:2]} pixels, not of the shape {known.shape}")
        keep = np.broadcast_to(known[..., None] if known.ndim == 3 else known[None, ..., None], images.shape)
        labels = np.full(len(images), self.row_of(label), np.int64)
        made = self.complete(to_floats(images), keep, labels, Rng(seed).child("fill"))
        return np.where(keep, images, to_bytes(made))

    def row_of(self, label: int | Mapping[str, Any]) -> int:
        """Return the most frequent row of `combinations` with labels; an `InputError` where there is none."""
        if isinstance(label, int):
            if not 0 <= label < len(self.counts):
                raise InputError(f"a label's row must be 0 to {len(self.counts) - 1}, not {label}")
            return label
        cells = {k: Column.of_texts([str(v)]) for k, v in label.items()}
        return int(np.argmax(self._wanted(Given.of(Table(cells, 1)), 1)[0] * self.counts))

    def _wanted(self, given: Given | None, n: int) -> NDArray[np.bool_]:
        """Return for each image which combinations its conditions allow, shape (n, k)."""
        allowed = np.ones((n, len(self.counts)), bool)
        if given is None:
            return allowed
        if len(given) != n:
            raise InputError(f"the conditions have {len(given)} rows, and {n} images are asked for")
        for name in given.names:
            if name not in self.combinations:
                raise InputError(f"{name!r} is no label of these images; there are {self.combinations.names}")
        for name, cells in given.values.columns.items():
            codes = Column.concat([self.combinations[name], cells]).codes()[0]
            same = codes[len(self.counts) :, None] == codes[None, : len(self.counts)]
            allowed &= same | cells.missing[:, None]
        for i, case in enumerate(given.cases):
            for name, may in case.items():
                allowed[given.case == i] &= may.holds(self.combinations[name])
        if n and not allowed.any(1).all():
            row = int(np.flatnonzero(~allowed.any(1))[0])
            raise InputError(
                f"no image with the labels of condition {row} was ever seen, and no model can show what it has never "
                f"seen; choose labels that occur together"
            )
        return allowed

    def _labels(self, allowed: NDArray[np.bool_], g: np.random.Generator) -> Labels:
        weights = allowed * self.counts
        ends = np.cumsum(weights, axis=1, dtype=float)
        return np.asarray((g.random(len(allowed))[:, None] * ends[:, -1:] >= ends).sum(1), np.int64)

    def state(self) -> State:
        own = self.own_state()
        arrays = {f"own.{k}": v for k, v in own.arrays.items()} | {"counts": self.counts}
        labels = {name: _cells(column) for name, column in self.combinations.columns.items()}
        meta = {"schema": self.schema.to_json(), "labels": labels, "shape": list(self.shape), "own": own.meta}
        return State(arrays, meta)

    @classmethod
    def from_state(cls, state: State) -> Self:
        try:
            schema = Schema.from_json(state.meta["schema"])
            counts = np.asarray(state.arrays["counts"], np.int64)
            columns = {name: _column(cells) for name, cells in state.meta["labels"].items()}
            height, width, channels = (int(v) for v in state.meta["shape"])
            arrays = {k.removeprefix("own."): v for k, v in state.arrays.items() if k.startswith("own.")}
            own = State(arrays, state.meta["own"])
            return cls.from_own_state(schema, Table(columns, len(counts)), counts, (height, width, channels), own)
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"this model is damaged or foreign ({error!s}); fit it again") from None


def _cells(column: Column) -> list[Any]:
    if column.is_text:
        return column.texts().tolist()
    return [None if gap else v for v, gap in zip(column.values.tolist(), column.missing, strict=True)]


def _column(cells: list[Any]) -> Column:
    if any(isinstance(c, str) for c in cells) or all(c is None for c in cells):
        return Column.of_texts(cells)
    gone = np.array([c is None for c in cells])
    kind = bool if any(isinstance(c, bool) for c in cells) else int
    return Column.of(np.array([kind(c or 0) for c in cells]), gone)


def _missing(dtype: str, n: int) -> Column:
    gone = np.ones(n, bool)
    if dtype.startswith(("int", "uint")):
        return Column(np.zeros(n, np.int64), gone)
    if dtype.startswith(("float", "decimal")):
        return Column(np.zeros(n), gone)
    if dtype.startswith(("date", "time")):
        return Column(np.zeros(n, "M8[us]"), gone)
    return Column.of_texts([None] * n)


def label_counts(images: ImageSet) -> NDArray[np.int64]:
    """Return the number of images of each combination of labels."""
    return np.bincount(images.labels, minlength=len(images.combinations)).astype(np.int64)


def kept_meta(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings that are JSON values."""
    return {k: v for k, v in values.items() if isinstance(v, int | float | str | bool)}
