"""Files by what they hold, not by what they are called."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from seedstock.core.errors import InputError, ResourceError
from seedstock.sources._raw import RawTable
from seedstock.sources.cut_line import without_cut_line
from seedstock.sources.flows import as_flows, without_summary
from seedstock.sources.pcap import MAGIC as PCAP_MAGIC
from seedstock.sources.windows import MAGIC as EVTX_MAGIC

CHUNK = 2**20
HEAD = 4096
MAX_UNPACKED = 64 * 2**30


def open_file(path: Path) -> RawTable:
    """Read any table file.

    Raises
    ------
    InputError
        The file is not there, cannot be read, is empty, damaged, or of a kind that is not known.
    """
    what = repr(path.name if len(path.name) <= 100 else path.name[:100] + "...")
    try:
        if path.is_dir() and not any(path.iterdir()):
            raise InputError(f"the folder {what} is empty; bring images, logs, or a table")
        if path.is_dir():
            raise InputError(f"{what} is a folder; name the file in it that holds the table")
        if not path.is_file():
            raise InputError(f"there is no file {str(path)!r}")
        size, digest, head = _digest(path)
    except InputError:  # is a ValueError as well
        raise
    except PermissionError:
        raise InputError(f"{what} cannot be read: permission denied") from None
    except OSError as error:
        raise InputError(f"{what} cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"there is no file {str(path)[:100]!r}") from None
    if not size:
        raise InputError(f"{what} is empty; bring a table with a header and rows")
    with ExitStack() as stack:
        inner = path
        if head[:2] == b"\x1f\x8b":
            inner = stack.enter_context(_unpacked(path, what))
            with inner.open("rb") as file:
                head = file.read(HEAD)
            if not head:
                raise InputError(f"{what} is empty; bring a table with a header and rows")
        form, reader = _reader(head, path)
        inner, cut = stack.enter_context(without_summary(inner, head))
        torn = False
        if form in ("csv", "tsv"):
            inner, torn = stack.enter_context(without_cut_line(inner, head))
        raw = reader(inner, what)
    if form in ("csv", "tsv"):
        raw = as_flows(raw)
    if cut:
        raw = replace(raw, notes=(*raw.notes, f"{cut:,} lines at the end sum the flows up, and were left out."))
    if torn:
        raw = replace(raw, notes=(*raw.notes, "The last line is cut in the middle, and was left out."))
    if not raw.columns:
        raise InputError(f"{what} has no columns; bring a table with a header and rows")
    if not len(raw):
        raise InputError(f"{what} has {len(raw.columns)} columns and no rows; bring rows to learn from")
    origin = {"path": path.name, "format": form, "bytes": size, "sha256": digest, **raw.origin}
    return replace(raw, origin=origin)


def _digest(path: Path) -> tuple[int, str, bytes]:
    hasher, size, head = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            head = head or chunk[:HEAD]
            size += len(chunk)
            hasher.update(chunk)
    return size, hasher.hexdigest(), head


def _reader(head: bytes, path: Path) -> tuple[str, Callable[[Path, str], RawTable]]:
    """Choose by the first bytes; the name only tells kinds of text apart."""
    suffixes = [s.lower() for s in path.suffixes]
    if head[:4] == b"PAR1":
        from seedstock.sources.files import read_parquet

        return "parquet", read_parquet
    if head[:6] == b"ARROW1" or head[:4] == b"\xff\xff\xff\xff":
        from seedstock.sources.arrow import read_arrow

        return "arrow", read_arrow
    if head[:4] == b"FEA1":
        raise InputError(f"{path.name!r} is Feather of version 1; save it as Parquet, or as Feather of version 2")
    if head[:4] == b"PK\x03\x04" or head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        from seedstock.sources.excel import read_excel

        return "excel", read_excel
    if head[:4] in PCAP_MAGIC:
        from seedstock.sources.pcap import read_pcap

        return "pcap", read_pcap
    if head[:8] == EVTX_MAGIC:
        from seedstock.sources.windows import read_evtx

        return "evtx", read_evtx
    if set(suffixes) & {".parquet", ".pq", ".feather", ".arrow", ".xlsx", ".xls", ".ods"}:
        raise InputError(f"{path.name!r} is damaged or is not what its name says; write it again, or bring a CSV file")
    from seedstock.sources.plain import read_json_text, read_plain_text
    from seedstock.sources.suricata import is_eve, read_eve_events
    from seedstock.sources.syslog import is_syslog, read_syslog
    from seedstock.sources.zeek import MAGIC, is_zeek_json, read_zeek, read_zeek_json

    if head.startswith(MAGIC):
        return "zeek", read_zeek
    if is_zeek_json(path, head):
        return "zeek json", read_zeek_json
    if is_eve(head):
        return "eve", read_eve_events
    if is_syslog(head):
        return "syslog", read_syslog
    if set(suffixes) & {".jsonl", ".ndjson", ".json"} or (head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{"):
        return "jsonl", read_json_text
    if set(suffixes) & {".tsv", ".tab"}:
        return "tsv", lambda p, w: read_plain_text(p, w, "\t")
    return "csv", read_plain_text


@contextmanager
def _unpacked(path: Path, what: str) -> Iterator[Path]:
    """Unpack a gzip file into a temporary one."""
    with tempfile.TemporaryDirectory(prefix="seedstock-") as folder:
        out = Path(folder) / "unpacked"
        done = 0
        try:
            with gzip.open(path, "rb") as packed, out.open("wb") as file:
                while chunk := packed.read(CHUNK):
                    done += len(chunk)
                    if done > MAX_UNPACKED:
                        raise InputError(f"{what} unpacks to more than {MAX_UNPACKED // 2**30} GiB; unpack it yourself")
                    file.write(chunk)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise InputError(f"{what} is a damaged or truncated gzip file; fetch it again") from None
        except OSError as error:
            raise ResourceError(f"{what} cannot be unpacked to {os.path.dirname(folder)!r}: {error.strerror}") from None
        yield out
