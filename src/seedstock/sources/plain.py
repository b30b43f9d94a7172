"""Text files of any encoding, as UTF-8."""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from charset_normalizer import from_bytes

from seedstock.core.errors import InputError
from seedstock.sources._raw import RawTable
from seedstock.sources.files import MAX_LINE_BYTES, read_json, read_text_table

CHUNK = 2**20
PROBE = 2**18
_WESTERN_NAMES = frozenset({"ascii", "latin_1", "iso8859_1", "iso8859_15", "cp1252", "utf_8"})
_WESTERN = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüÿœßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒŸ€£°·§©®™«»¡¿"
                     "\xa0\u2018\u2019\u201a\u201c\u201d\u201e\u2013\u2014\u2026\u2022")  # fmt: skip


def read_plain_text(path: Path, what: str, delimiter: str | None = None, thin: Any = None) -> RawTable:
    """Read delimited text of any encoding."""
    with utf8(path, what) as (file, encoding):
        try:
            raw = read_text_table(file, what, delimiter, thin)
        except InputError:
            if not _mixed_line_ends(file):
                raise
            with _one_line_end(file) as plain:
                raw = read_text_table(plain, what, delimiter, thin)
                raw = replace(raw, notes=(*raw.notes, "The file's lines end in several ways; all were taken as ends."))
    return _with_encoding(raw, encoding)


def read_json_text(path: Path, what: str) -> RawTable:
    """Read JSON lines, or a JSON array of objects, of any encoding."""
    with utf8(path, what) as (file, encoding):
        raw = read_json(file, what)
    return _with_encoding(raw, encoding)


def _mixed_line_ends(path: Path) -> bool:
    seen: set[bytes] = set()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            chunk += file.read(1) if chunk.endswith(b"\r") else b""
            seen |= {b"\r\n"} if b"\r\n" in chunk else set()
            rest = chunk.replace(b"\r\n", b"")
            seen |= {c for c in (b"\r", b"\n") if c in rest}
    return len(seen) > 1


@contextmanager
def _one_line_end(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="seedstock-") as folder:
        out = Path(folder) / "text"
        with path.open(encoding="utf-8", newline=None) as text, out.open("w", encoding="utf-8", newline="\n") as file:
            while chunk := text.read(CHUNK):
                file.write(chunk)
        yield out


def _with_encoding(raw: RawTable, encoding: str) -> RawTable:
    options = {**raw.origin.get("read_options", {}), "encoding": encoding}
    notes = raw.notes if encoding.startswith("utf") else (*raw.notes, f"The text was read as {encoding}, by its looks.")
    return replace(raw, origin={**raw.origin, "read_options": options}, notes=notes)


@contextmanager
def utf8(path: Path, what: str) -> Iterator[tuple[Path, str]]:
    """Give a file as UTF-8 without a byte order mark, and say which encoding it had."""
    with path.open("rb") as file:
        head = file.read(PROBE)
    encoding = _encoding(path, head, what)
    if encoding == "utf-8":
        yield path, encoding
        return
    with tempfile.TemporaryDirectory(prefix="seedstock-") as folder:
        out = Path(folder) / "text"
        try:
            with path.open(encoding=encoding, newline="") as text, out.open("w", encoding="utf-8", newline="") as file:
                while chunk := text.read(CHUNK):
                    if "\x00" in chunk:
                        raise InputError(f"{what} holds binary data, not text; bring CSV, Parquet or Excel")
                    file.write(chunk)
        except UnicodeError:
            raise InputError(f"{what} is not {encoding} throughout; save it as UTF-8") from None
        yield out, encoding


def _encoding(path: Path, head: bytes, what: str) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    zeros = head[:4096].count(0)
    if zeros:
        # UTF-16 without a mark has every other byte zero in Latin text; any other zeros mean binary data.
        even, odd = head[0:4096:2].count(0), head[1:4096:2].count(0)
        if zeros > 0.3 * len(head[:4096]) and min(even, odd) < 0.05 * zeros:
            return "utf-16-le" if odd > even else "utf-16-be"
        raise InputError(f"{what} holds binary data, not text; bring CSV, Parquet or Excel")
    if _is_utf8(path, what):
        return "utf-8"
    found = [str(m.encoding) for m in from_bytes(head)]
    if not found or _binary(head):
        raise InputError(f"{what} is text in no known encoding; save it as UTF-8")
    if _western(head):
        return "cp1252"
    return next((n for n in found if n not in _WESTERN_NAMES), "cp1252")


def _western(head: bytes) -> bool:
    """Tell whether a text makes sense as Windows' Western encoding: few letters beyond ASCII, each beside plain ones.

    >>> _western("café, Müller".encode("cp1252")), _western("Москва, Łódź".encode("cp1251", "ignore"))
    (True, False)
    """
    try:
        text = head.decode("cp1252")
    except UnicodeDecodeError:
        return False
    beyond = re.findall(r"[^\x00-\x7f]+", text)
    # Other alphabets come in runs of letters; accented ones, and signs such as a euro or a quotation mark, stand alone.
    if max(map(len, beyond), default=0) > 3 or sum(map(len, beyond)) > 1.3 * len(beyond):
        return False
    return all(map(_WESTERN.__contains__, "".join(beyond))) and not re.search(r"[£°]\w", text)


def _binary(head: bytes) -> bool:
    control = sum(head.count(bytes([c])) for c in range(32) if c not in (9, 10, 12, 13, 27))
    return control > 0.02 * len(head)


def _is_utf8(path: Path, what: str) -> bool:
    """Tell whether a whole file is UTF-8; lines beyond the limit are refused on the way."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    run = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            if b"\x00" in chunk:
                raise InputError(f"{what} holds binary data, not text; bring CSV, Parquet or Excel")
            last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            run = run + len(chunk) if last < 0 else len(chunk) - last - 1
            if run > MAX_LINE_BYTES:
                raise InputError(f"{what} has a line of more than {MAX_LINE_BYTES // 2**20} MiB; shorten its cells")
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
