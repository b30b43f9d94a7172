"""Images that repeat another one, exactly or nearly, within a set and across two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.spatial import cKDTree

from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset
from seedstock.encoding.image_features import small

NAME = "image_duplicates"
_NEAR = 0.06
"""Root mean square difference of normalised pixels below which two images are one: re-encoded, a little brighter."""
_CLOSER = 0.35
"""And at most this share of the distance to the next image, or near images are simply alike in this set."""


@dataclass(frozen=True)
class ImageDuplicates:
    """Finds images that repeat an earlier one, or one of another set.

    Images are reduced to 16 x 16 pixels of mean 0 and spread 1, so that size, brightness and contrast do not matter;
    candidates are neighbours by their low frequencies (a perceptual hash without its rounding). Near duplicates also
    have to be much nearer than the next image.

    Attributes
    ----------
    against : Dataset or None
        A second set, the test images for instance.
    """

    against: Dataset | None = None

    false_alarms: ClassVar[float] = 0.01
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return a finding for exact repeats, one for near ones, and one for images of the other set."""
        values, rows = _images(data)
        if len(rows) < 2:
            return []
        out = []
        _, first, inverse = np.unique(values.reshape(len(values), -1), axis=0, return_index=True, return_inverse=True)
        exact = np.arange(len(values)) != first[inverse.reshape(-1)]
        looks = _looks(values)
        near = _repeats(looks, np.arange(len(values)), looks, same=True) & ~exact
        name = data.columns.of_kind("image")[0]
        for kind, which, sure in (("equal", exact, 1.0), ("nearly equal", near, 0.9)):
            if which.any():
                found = rows[which]
                why = f"{kind} to an earlier image"
                edits = tuple(Edit(data.name, int(r), None, None, None, NAME, sure, True, why) for r in found)
                share = len(found) / len(data.table)
                severity: Any = "high" if share >= 0.005 else "medium"
                message = f"{len(found):,} images ({share:.2%}) are {why}{self._labels(data, found, values, rows)}."
                out.append(
                    Finding(NAME, data.name, name, tuple(found.tolist()), severity, sure, message,
                            "Remove the repeats; the first of each stays.", edits)
                )  # fmt: skip
        if self.against is not None and self.against.domain == "image":
            out += self._across(data, values, rows, looks)
        return out

    def _across(self, data: Dataset, values: Any, rows: NDArray[np.int64], looks: Any) -> list[Finding]:
        assert self.against is not None
        theirs, _ = _images(self.against)
        if not len(theirs):
            return []
        shared = _repeats(looks, np.arange(len(looks)), _looks(theirs), same=False)
        if not shared.any():
            return []
        found = rows[shared]
        name = data.columns.of_kind("image")[0]
        message = f"{len(found):,} images are in the other set as well: what is tested there was learned here."
        return [
            Finding(NAME, data.name, name, tuple(found.tolist()), "high", 0.95, message,
                    "Remove them from one of the two sets.")
        ]  # fmt: skip

    @staticmethod
    def _labels(data: Dataset, found: NDArray[np.int64], values: Any, rows: NDArray[np.int64]) -> str:
        return "" if len(found) > 3 else f" (row {', '.join(map(str, found.tolist()))})"


def _images(data: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    column = data.table[data.columns.of_kind("image")[0]]
    rows = np.flatnonzero(~column.missing)
    return column.values[rows], rows


def _looks(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    x = small(images, 16)
    x = x - x.mean((1, 2), keepdims=True)
    scale = np.sqrt((x**2).mean((1, 2, 3), keepdims=True))
    return np.asarray(x / np.where(scale > 1e-3, scale, np.inf), np.float32)


def _repeats(looks: Any, rows: NDArray[np.int64], others: Any, same: bool) -> NDArray[np.bool_]:
    """Return which images are near one of the others; of the same set, an earlier one."""
    n, h, w, c = looks.shape
    if others.shape[1:] != (h, w, c):
        return np.zeros(n, bool)
    size = np.sqrt(h * w * c)
    low = min(8, h, w)
    keys = [dctn(x, axes=(1, 2), norm="ortho")[:, :low, :low].reshape(len(x), -1) / size for x in (looks, others)]
    k = min(3 if same else 2, len(others))
    distance, index = cKDTree(keys[1]).query(keys[0], k)
    distance, index = distance.reshape(n, -1), index.reshape(n, -1)
    out = np.zeros(n, bool)
    for i in range(n):
        near = [(d, j) for d, j in zip(distance[i], index[i], strict=True) if not (same and j == i)]
        if not near or near[0][0] > _NEAR or (same and near[0][1] > i) or not looks[i].any():
            continue
        real = float(np.sqrt(((looks[i] - others[near[0][1]]) ** 2).mean()))
        after = near[1][0] if len(near) > 1 else np.inf
        out[i] = real < _NEAR and (real < 1e-3 or real < _CLOSER * after)
    return out


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Overwrite a share of the images with earlier ones, a little brighter."""
    name = data.columns.of_kind("image")[0]
    n = len(data.table)
    k = max(1, round(share * n))
    if n < 2 * k + 2:
        return data, None
    pairs = np.sort(rng.generator().permutation(n)[: 2 * k].reshape(k, 2), axis=1)
    values = data.table[name].values.copy()
    values[pairs[:, 1]] = np.clip(values[pairs[:, 0]].astype(int) + 6, 0, 255).astype(np.uint8)
    return data.with_table(data.table.assign({name: Column.of(values)})), np.sort(pairs[:, 1])


CHECK = ImageDuplicates
SOURCE = "Perceptual hashing by low frequencies: Zauner 2010, Implementation and benchmarking of perceptual hashes."
DOMAIN = "image"
