"""Texts as two plain arrays, so that no saved model needs object arrays (and so no pickle)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError


def pack(texts: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the UTF-8 bytes of texts, and the k + 1 offsets between them.

    >>> pack(np.array(["a", "bc"], object))[1].tolist()
    [0, 1, 3]
    """
    parts = [str(t).encode("utf-8", "surrogatepass") for t in texts]
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in parts], dtype=np.int64)]).astype(np.int64)
    return np.frombuffer(b"".join(parts), np.uint8), offsets


def unpack(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the texts that `pack` packed; an `InputError` where the offsets do not fit the bytes."""
    if (
        offsets.ndim != 1
        or not len(offsets)
        or offsets[0] != 0
        or offsets[-1] != len(data)
        or (np.diff(offsets) < 0).any()
    ):
        raise InputError("this model is damaged: its text offsets do not fit its bytes; fit it again")
    raw = data.tobytes()
    out = np.empty(len(offsets) - 1, object)
    out[:] = [raw[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(offsets.tolist())]
    return out
