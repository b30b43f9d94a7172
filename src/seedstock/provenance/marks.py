"""Others' marks, where reading them is cheap: C2PA and IPTC in images, Croissant, names of generators in metadata."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from seedstock.core.errors import InputError
from seedstock.provenance.croissant import read_sidecar
from seedstock.provenance.record import METADATA_KEY

MAX_FILES = 10_000
_HEAD = 1 << 20
_MAX_TEXT = 2**24
_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".heic"}
_TOOLS = {
    "mostlyai": "MOSTLY AI",
    "mostly.ai": "MOSTLY AI",
    "gretel": "Gretel",
    "synthcity": "synthcity",
    "ydata": "YData",
    "tonic.ai": "Tonic",
    "sdv.dev": "SDV",
    "sdmetrics": "SDV",
    "ctgan": "CTGAN",
    "syntho": "Syntho",
    "hazy": "Hazy",
}
_GENERATED = (b"trainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicMedia", b"algorithmicMedia")


def foreign_marks(
    path: str | os.PathLike[str] | None, metadata: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Return the marks of other tools in a file, or in the images of a folder.

    `metadata` are the file's key-value pairs, as `seedstock.sources` reads them off Parquet and Arrow files.
    A mark that is there says what its writer says; one that is not there says nothing, for all of these come off.

    Returns
    -------
    list of dict
        ``mark`` (``c2pa``, ``iptc``, ``croissant``, ``metadata``), ``files`` (how many), ``message``.
    """
    out = _metadata_marks(metadata or {})
    if path is None:
        return out
    file = Path(path)
    found: dict[tuple[str, str], int] = {}
    for one in _images(file):
        with suppress(OSError):
            for mark in _image_marks(one):
                found[mark] = found.get(mark, 0) + 1
    out += [{"mark": m, "files": n, "message": message} for (m, message), n in found.items()]
    if file.is_file():
        with suppress(InputError):
            out += _croissant_marks(file)
    return out


def _images(path: Path) -> Iterator[Path]:
    if path.is_file() and path.suffix.lower() in _IMAGES:
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


def _metadata_marks(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Look for the names of generators in a file's own key-value pairs; the values of cells are not looked at."""
    text = " ".join(f"{k} {v}" for k, v in metadata.items() if k != METADATA_KEY)[:_MAX_TEXT].lower()
    names = dict.fromkeys(tool for word, tool in _TOOLS.items() if word in text)
    return [
        {"mark": "metadata", "files": 1, "message": f"its metadata mention {name}, which makes synthetic data"}
        for name in names
    ]


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
