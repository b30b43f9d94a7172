"""A sketch on disk: a header of JSON and named arrays, each with its checksum, mapped into memory when read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
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
_PIECE = 1 << 24


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
        listed.append(
            {"name": name, "dtype": array.dtype.str, "shape": array.shape, "offset": offset, "hash": _hash(array)}
        )
        offset += -(-array.nbytes // _ALIGN) * _ALIGN
    header = json.dumps({"version": VERSION, "meta": sketch.meta, "arrays": listed}, allow_nan=False).encode()
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".sketch-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(MAGIC + len(header).to_bytes(8, "little") + header)
            out.write(b"\0" * (-out.tell() % _ALIGN))
            for array in sketch.arrays.values():
                for piece in _pieces(array):
                    out.write(piece.data)
                out.write(b"\0" * (-array.nbytes % _ALIGN))
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
    for piece in _pieces(array):
        h.update(piece.data)
    return h.hexdigest()


def _pieces(array: NDArray[Any]) -> Iterator[NDArray[np.uint8]]:
    """Yield an array's bytes. A mapped file is read instead, so that its pages do not fill the memory."""
    if isinstance(array, np.memmap) and array.filename is not None:
        with open(array.filename, "rb") as file:
            file.seek(array.offset)
            left = array.nbytes
            while left > 0:
                piece = np.fromfile(file, np.uint8, min(left, _PIECE))
                if not len(piece):
                    return  # cut short meanwhile: the checksum tells
                left -= len(piece)
                yield piece
        return
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8) if array.nbytes else np.empty(0, np.uint8)
    for k in range(0, len(flat), _PIECE):
        yield flat[k : k + _PIECE]
