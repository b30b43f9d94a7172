"""Others' marks, where reading them is cheap: C2PA and IPTC in images, Croissant, names of generators in Parquet."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from seedstock.core.errors import InputError
from seedstock.provenance.croissant import read_sidecar

MAX_FILES = 10_000
_HEAD = 1 << 20
_MAX_FOOTER = 16 * 2**20
_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".heic"}
_TOOLS = {
    b"mostlyai": "MOSTLY AI",
    b"mostly.ai": "MOSTLY AI",
    b"gretel": "Gretel",
    b"synthcity": "synthcity",
    b"ydata": "YData",
    b"tonic.ai": "Tonic",
    b"sdv.dev": "SDV",
    b"sdmetrics": "SDV",
    b"ctgan": "CTGAN",
    b"syntho": "Syntho",
    b"hazy": "Hazy",
}
_GENERATED = (b"trainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicMedia", b"algorithmicMedia")


def foreign_marks(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the marks of other tools in a file, or in the images of a folder.

    A mark that is there says what its writer says; one that is not there says nothing, for all of these come off.

    Returns
    -------
    list of dict
        ``mark`` (``c2pa``, ``iptc``, ``croissant``, ``parquet``), ``files`` (how many), ``message``.
    """
    file = Path(path)
    found: dict[tuple[str, str], int] = {}
    for one in _files(file):
        with suppress(OSError):
            for mark in _image_marks(one) if one.suffix.lower() in _IMAGES else _parquet_marks(one):
                found[mark] = found.get(mark, 0) + 1
    out = [{"mark": m, "files": n, "message": message} for (m, message), n in found.items()]
    if file.is_file():
        with suppress(InputError):
            out += _croissant_marks(file)
    return out


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        listed = (Path(folder) / name for folder, _, names in os.walk(path) for name in sorted(names))
        for k, file in enumerate(f for f in listed if f.suffix.lower() in _IMAGES):
            if k >= MAX_FILES:
                return
            yield file


def _image_marks(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if has_c2pa(head):
        yield "c2pa", "carries a C2PA manifest (content credentials); its claims and signature were not checked"
    if any(word in head for word in _GENERATED):
        yield "iptc", "its metadata say that a trained model made it (IPTC digital source type)"


def has_c2pa(data: bytes) -> bool:
    """Tell whether a PNG or JPEG (or another file that embeds JUMBF) begins with a C2PA manifest store.

    >>> has_c2pa(b"no image")
    False
    """
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return any(kind == b"caBX" for kind, _ in _png_chunks(data))
    if data[:2] == b"\xff\xd8":
        return any(marker == 0xEB and b"jumb" in body and b"c2pa" in body for marker, body in _jpeg_segments(data))
    return b"jumb" in data and b"c2pa" in data


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:  # the pixels begin
            return
        (size,) = struct.unpack(">H", data[at + 2 : at + 4])
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + max(size, 2)


def _parquet_marks(path: Path) -> Iterator[tuple[str, str]]:
    """Look for the names of generators in the footer's metadata, without a Parquet reader."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < 12:
            return
        file.seek(-8, os.SEEK_END)
        tail = file.read(8)
        if tail[4:] != b"PAR1":
            return
        (length,) = struct.unpack("<I", tail[:4])
        length = min(length, size - 12, _MAX_FOOTER)
        file.seek(-8 - length, os.SEEK_END)
        footer = file.read(length).lower()
    for name in dict.fromkeys(tool for word, tool in _TOOLS.items() if word in footer):
        yield "parquet", f"its Parquet metadata mention {name}, which makes synthetic data"


def _croissant_marks(path: Path) -> list[dict[str, Any]]:
    description = read_sidecar(path)
    if description is None:
        return []
    said = description.get("rai:hasSyntheticData", description.get("hasSyntheticData"))
    ours = "seedstock:record" in description
    what = "it does not say whether they are synthetic"
    if isinstance(said, bool):
        what = f"it says that the data are {'' if said else 'not '}synthetic"
    message = f"a Croissant description lies beside it; {what}"
    return [{"mark": "croissant", "files": 1, "message": message, "ours": ours}]
