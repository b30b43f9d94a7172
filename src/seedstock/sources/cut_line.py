"""Text files that end in the middle of a line: they were still being written, or a copy was broken off."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedstock.sources.header import likely_delimiter

_TAIL = 2**16


def is_cut(path: Path, head: bytes) -> int:
    """Return where the last line begins, if it has no end and fewer fields than the first one; else 0.

    Lines with quotes are left to those who understand them.
    """
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace")
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _TAIL, 0))
        tail = file.read()
    begin = tail.rfind(b"\n") + 1
    last = tail[begin:]
    delimiter = likely_delimiter([first])
    if (
        not begin
        or b"\0" in head
        or not last.strip()
        or b"\n" not in head
        or delimiter is None
        or '"' in first
        or b'"' in last
    ):
        return 0
    fewer = last.decode("utf-8", "replace").count(delimiter) < first.count(delimiter)
    return size - len(last) if fewer else 0


@contextmanager
def without_cut_line(path: Path, head: bytes) -> Iterator[tuple[Path, bool]]:
    """Give a file without a last line that is cut, and say whether there was one."""
    end = is_cut(path, head)
    if not end:
        yield path, False
        return
    with tempfile.TemporaryDirectory(prefix="seedstock-") as folder:
        out = Path(folder) / "whole"
        shutil.copyfile(path, out)
        with out.open("r+b") as file:
            file.truncate(end)
        yield out, True


@contextmanager
def without_broken_objects(path: Path) -> Iterator[tuple[Path, int]]:
    """Give a file of JSON lines without those that are no objects, and say how many they are."""
    with tempfile.TemporaryDirectory(prefix="seedstock-") as folder:
        out, lost = Path(folder) / "whole", 0
        with path.open("rb") as file, out.open("wb") as kept:
            for line in file:
                if not line.strip():
                    continue
                try:
                    whole = isinstance(json.loads(line), dict)
                except (ValueError, RecursionError):
                    whole = False
                lost += not whole
                if whole:
                    kept.write(line.rstrip(b"\n") + b"\n")
        yield out, lost
