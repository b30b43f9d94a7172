"""Flow records in delimited text: known by their header, or by their cells where files of that kind have none."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seedstock.sources._raw import UNTYPED, Raw, RawTable, relabel


@dataclass(frozen=True)
class FlowFormat:
    """What tells one tool's or data set's flow records.

    Attributes
    ----------
    name : str
    telling : tuple of str
        Columns that no other format has all of, in lower case and without spaces and signs.
    labels : tuple of str
        Columns that say what a flow was.
    """

    name: str
    telling: tuple[str, ...]
    labels: tuple[str, ...] = ("label",)


FORMATS = (
    FlowFormat("CIDDS", ("datefirstseen", "srcipaddr", "srcpt", "dstpt", "flags", "tos"), ("class", "attacktype")),
    FlowFormat("nfdump", ("ts", "te", "td", "sa", "da", "sp", "dp", "pr", "flg"), ()),
    FlowFormat("CICFlowMeter", ("flowduration", "flowiatmean", "fwdpshflags")),
    FlowFormat("UNSW-NB15", ("proto", "state", "sttl", "dttl", "sload", "dload"), ("attackcat", "label")),
    FlowFormat("KDD'99", ("protocoltype", "service", "flag", "srcbytes", "dsthostsrvcount"), ("label", "class")),
    FlowFormat("binetflow", ("starttime", "dur", "proto", "srcaddr", "sport", "dir", "dstaddr", "dport", "state")),
)
_KDD = """
    duration protocol_type service flag src_bytes dst_bytes land wrong_fragment urgent hot num_failed_logins
    logged_in num_compromised root_shell su_attempted num_root num_file_creations num_shells num_access_files
    num_outbound_cmds is_host_login is_guest_login count srv_count serror_rate srv_serror_rate rerror_rate
    srv_rerror_rate same_srv_rate diff_srv_rate srv_diff_host_rate dst_host_count dst_host_srv_count
    dst_host_same_srv_rate dst_host_diff_srv_rate dst_host_same_src_port_rate dst_host_srv_diff_host_rate
    dst_host_serror_rate dst_host_srv_serror_rate dst_host_rerror_rate dst_host_srv_rerror_rate label difficulty
"""
KDD = tuple(_KDD.split())
"""The columns of KDD'99 and NSL-KDD files, which have no header; the last two may be absent."""
_UNSW = """
    srcip sport dstip dsport proto state dur sbytes dbytes sttl dttl sloss dloss service Sload Dload Spkts Dpkts
    swin dwin stcpb dtcpb smeansz dmeansz trans_depth res_bdy_len Sjit Djit Stime Ltime Sintpkt Dintpkt tcprtt
    synack ackdat is_sm_ips_ports ct_state_ttl ct_flw_http_mthd is_ftp_login ct_ftp_cmd ct_srv_src ct_srv_dst
    ct_dst_ltm ct_src_ltm ct_src_dport_ltm ct_dst_sport_ltm ct_dst_src_ltm attack_cat Label
"""
UNSW = tuple(_UNSW.split())
"""The columns of UNSW-NB15's four raw files, which have no header."""
_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_WITH_UNIT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT])\s*")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,8}")


def as_flows(raw: RawTable) -> RawTable:
    """Return a table with names, numbers and a note, where it holds flow records; any other as it is.

    Rounded counts such as ``2.1 M`` become numbers, and ports such as ``0x0303`` too.

    Examples
    --------
    >>> from seedstock.core.table import Column
    >>> names = ("Date first seen", "Src IP Addr", "Src Pt", "Dst Pt", "Flags", "Tos", "Bytes")
    >>> raw = RawTable({n: Raw(Column.of_texts(["1", "  2.1 M"])) for n in names})
    >>> flows = as_flows(raw)
    >>> flows.origin["flows"], flows.columns["Bytes"].column.texts().tolist()
    ('CIDDS', ['1', '2100000'])
    """
    found = format_of(list(raw.columns))
    notes = list(raw.notes)
    if found is None:
        names = _headless(raw)
        if names is None:
            return raw
        columns = dict(zip(names, raw.columns.values(), strict=True))
        found = format_of(names)
        assert found is not None
        notes = [n for n in notes if not n.startswith("The first row looks like data")]
        notes.append(f"The file has no header; its columns are called as {found.name} calls them.")
        raw = replace(raw, columns=columns)
    columns, read = {}, []
    for name, column in raw.columns.items():
        columns[name] = _numbers(column)
        if columns[name] is not column:
            read.append(repr(name))
    if read:
        notes.append(f"Counts with a unit and ports in hexadecimal were read as numbers: {', '.join(read)}.")
    labels = [n for n in columns if _plain(n) in found.labels]
    said = f"; what a flow was, say {' and '.join(map(repr, labels))}" if labels else ""
    notes.append(f"These are flow records as in {found.name}{said}.")
    return replace(raw, columns=columns, origin={**raw.origin, "flows": found.name}, notes=tuple(notes))


def format_of(names: Sequence[str]) -> FlowFormat | None:
    """Return the format that has these columns.

    >>> format_of(["StartTime", "Dur", "Proto", "SrcAddr", "Sport", "Dir", "DstAddr", "Dport", "State"]).name
    'binetflow'
    """
    have = {_plain(n) for n in names}
    return next((f for f in FORMATS if have.issuperset(f.telling)), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _headless(raw: RawTable) -> Sequence[str] | None:
    """Return the names of a file without a header: told by its width and by what stands in two of its columns."""
    if not all(n == f"column_{k}" for k, n in enumerate(raw.columns, 1)):
        return None
    cells = list(raw.columns.values())
    if (
        len(KDD) - 2 <= len(cells) <= len(KDD)
        and _among(cells[1], "tcp", "udp", "icmp")
        and _among(cells[3], *_KDD_STATES)
    ):
        return KDD[: len(cells)]
    if len(cells) == len(UNSW) and _among(cells[48], "0", "1") and _dotted(cells[0]) and _dotted(cells[2]):
        return UNSW
    return None


_KDD_STATES = ["SF", "S0", "S1", "S2", "S3", "REJ", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "OTH"]


def _texts(raw: Raw) -> list[str]:
    column = raw.column
    if column.levels is None:
        return []
    return [str(t).strip() for t in column.levels[np.unique(column.values[~column.missing])]]


def _among(raw: Raw, *known: str) -> bool:
    texts = _texts(raw)
    return bool(texts) and set(texts) <= set(known)


def _dotted(raw: Raw) -> bool:
    return bool(texts := _texts(raw)[:100]) and all(t.count(".") == 3 or ":" in t for t in texts)


@contextmanager
def without_summary(path: Path, head: bytes) -> Iterator[tuple[Path, int]]:
    """Give a file without the lines in which nfdump sums up at the end, and say how many they are."""
    if not head.startswith(b"ts,te,td,sa,da,sp,dp,"):
        yield path, 0
        return
    with tempfile.TemporaryDirectory(prefix="seedstock-") as folder:
        out = Path(folder) / "flows"
        cut = 0
        with path.open("rb") as file, out.open("wb") as kept:
            for line in file:
                cut += bool(cut or line.strip() == b"Summary")
                if not cut:
                    kept.write(line)
        yield out, cut


def _numbers(raw: Raw) -> Raw:
    """Return a text column of numbers, some with a unit or in hexadecimal, with all of them written out."""
    if raw.dtype != UNTYPED or raw.column.levels is None:
        return raw
    texts = [str(t) for t in raw.column.levels]
    if not any(_WITH_UNIT.fullmatch(t) or _HEX.fullmatch(t.strip()) for t in texts):
        return raw
    out: list[str | None] = []
    for t in texts:
        unit, plain = _WITH_UNIT.fullmatch(t), t.strip()
        if unit:
            out.append(str(round(float(unit[1]) * _UNITS[unit[2]])))
        elif _HEX.fullmatch(plain):
            out.append(str(int(plain, 16)))
        elif not plain or re.fullmatch(r"\d+(\.\d+)?", plain):
            out.append(plain)
        else:
            return raw
    return replace(raw, column=relabel(raw.column, out))
