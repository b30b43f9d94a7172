"""A sketch on disk: a header of JSON and named arrays, each with its checksum, mapped into memory when read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError, ResourceError

MAGIC = b"SEEDSKETCH\x01\n"
VERSION = 1
_ALIGN = 64
_MAX_HEADER = 64 * 2**20
_PIECE = 1 << 26


@dataclass(frozen=True, eq=False)
class Sketch:
    """What is kept of a data set; no raw values.

    Attributes
    ----------
    meta : mapping
        JSON values.
    arrays : mapping of str to ndarray
    """

    meta: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def n_bytes(self) -> int:
        return sum(a.nbytes for a in self.arrays.values())


def save(sketch: Sketch, path: str | os.PathLike[str]) -> str:
    """Write a sketch under another name, and rename it: all of it or nothing. Returns the header's hash."""
    file = Path(path)
    listed = []
    offset = 0
    for name, array in sketch.arrays.items():
        a = np.ascontiguousarray(array)
        listed.append({"name": name, "dtype": a.dtype.str, "shape": a.shape, "offset": offset, "hash": _hash(a)})
        offset += -(-a.nbytes // _ALIGN) * _ALIGN
    header = json.dumps({"version": VERSION, "meta": sketch.meta, "arrays": listed}, allow_nan=False).encode()
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".sketch-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(MAGIC + len(header).to_bytes(8, "little") + header)
            out.write(b"\0" * (-out.tell() % _ALIGN))
            for array in sketch.arrays.values():
                a = np.ascontiguousarray(array)
                out.write(a.reshape(-1).view(np.uint8).data if a.nbytes else b"")
                out.write(b"\0" * (-a.nbytes % _ALIGN))
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)
    except OSError as error:
        raise ResourceError(f"the sketch {str(file)!r} cannot be written: {error.strerror}") from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    return hashlib.blake2b(header, digest_size=16).hexdigest()


def load(path: str | os.PathLike[str], header_hash: str | None = None, check: bool = True) -> Sketch:
    """Map a sketch into memory; an `InputError` where it is missing, damaged or from a newer version.

    Parameters
    ----------
    header_hash : str
        As `save` returned it.
    check : bool
        Whether to compare every array with its checksum (about a second a gigabyte).
    """
    file = Path(path)
    damaged = f"the sketch {file.name!r} is damaged"
    try:
        with file.open("rb") as source:
            magic = source.read(len(MAGIC))
            size = int.from_bytes(source.read(8), "little")
            if magic[:-2] != MAGIC[:-2] or size > _MAX_HEADER:
                raise InputError(f"{damaged}: it does not begin like one; register the data again")
            header = source.read(size)
            start = source.tell() + (-source.tell() % _ALIGN)
            total = os.fstat(source.fileno()).st_size
    except FileNotFoundError:
        raise InputError(f"the sketch {file.name!r} is gone; register the data again") from None
    except OSError as error:
        raise InputError(f"the sketch {file.name!r} cannot be read: {error.strerror}") from None
    if header_hash is not None and hashlib.blake2b(header, digest_size=16).hexdigest() != header_hash:
        raise InputError(f"{damaged}: its header was changed; register the data again")
    try:
        value = json.loads(header)
        if value["version"] > VERSION:
            raise InputError(f"the sketch {file.name!r} is from a newer Seedstock; update Seedstock")
        arrays = {}
        for entry in value["arrays"]:
            dtype, shape = np.dtype(entry["dtype"]), tuple(int(k) for k in entry["shape"])
            n_bytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            at = start + int(entry["offset"])
            if dtype.hasobject or min(shape, default=0) < 0 or at < start or at + n_bytes > total:
                raise InputError(f"{damaged}: it is cut short; register the data again")
            array: NDArray[Any] = np.empty(shape, dtype)
            if n_bytes:
                array = np.memmap(file, dtype, "r", at, shape)
            if check and _hash(array) != entry["hash"]:
                raise InputError(f"{damaged}: {entry['name']} does not match its checksum; register the data again")
            arrays[str(entry["name"])] = array
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise InputError(f"{damaged}: its header cannot be read; register the data again") from None
    return Sketch(value["meta"], arrays)


def _hash(array: NDArray[Any]) -> str:
    h = hashlib.blake2b(digest_size=16)
    flat = array.reshape(-1).view(np.uint8) if array.nbytes else np.empty(0, np.uint8)
    for k in range(0, len(flat), _PIECE):
        h.update(flat[k : k + _PIECE].data)
    return h.hexdigest()
