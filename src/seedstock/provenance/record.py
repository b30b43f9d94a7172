"""The record: what a data set was made of, by what, and how often removed from reality."""

from __future__ import annotations

import hashlib
import hmac
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from seedstock.core.errors import InputError
from seedstock.core.results import Edit, Score
from seedstock.core.schema import Schema
from seedstock.core.table import Dataset

FORMAT = "seedstock-record"
VERSION = 1
METADATA_KEY = "seedstock"
"""Under this key Parquet and Arrow files carry their record."""
MAX_BYTES = 64 * 2**20
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "duckdb")
_SOURCE_FACTS = ("name", "format", "bytes", "sha256", "content", "rows", "url", "addresses", "personal")


def record(
    sources: Sequence[Mapping[str, Any]],
    schema: Mapping[str, Any],
    generator: str,
    settings: Mapping[str, Any],
    seed: int,
    scores: Mapping[str, Any] | None = None,
    edits: Mapping[str, Any] | None = None,
    watermark: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    overrides: Sequence[Mapping[str, Any]] = (),
    key: bytes | None = None,
) -> dict[str, Any]:
    """Return the record of a synthetic data set, sealed.

    Parameters
    ----------
    sources : sequence of mapping
        The origins of the data that the generator was fitted to: content hashes, and under ``record`` (or, as
        read from a file, ``metadata``) their own records. ``declared`` = ``"real"`` is the user's word for it.
    schema : mapping
        As `Schema.to_json` gives it.
    scores, edits, watermark : mapping
        Facts to keep: scores, what cleaning did, and how the rows were marked (``{"on": False, "why": ...}``).
    data : mapping
        As `seedstock.provenance.content.content_of` gives it: ties the record to the rows.
    overrides : sequence of mapping
        Rules of the guard that were overridden, with the reason given.
    key : bytes
        A project key that signs the record, so that nobody without it can edit and reseal it.

    Examples
    --------
    >>> r = record([{"name": "census.csv", "declared": "real"}], {}, "forest", {}, 7)
    >>> r["generation"], r["authenticated"], verify(r)
    (1, True, [])
    """
    from seedstock.provenance.lineage import mixture, sources_of  # which reads records itself

    sources = [part for s in sources for part in sources_of(s)]
    parents = [_parent(s) for s in sources]
    known = [p["generation"] for p in parents if p["generation"] is not None]
    value: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "synthetic": True,
        # From parents of unknown origin it is the least that it can be, and the record says so.
        "generation": 1 + max(known, default=0),
        "authenticated": bool(parents) and all(p["authenticated"] for p in parents),
        "parents": parents,
        # Of what was learned from: the weight of each generation.
        "shares": mixture(sources) if sources else {},
        "data": dict(data) if data else None,
        "schema": dict(schema),
        "edits": dict(edits or {}),
        "generator": {"name": generator, "settings": dict(settings), "seed": seed},
        "scores": dict(scores or {}),
        "watermark": dict(watermark) if watermark else {"on": False, "why": "not asked for"},
        "overrides": [dict(o) for o in overrides],
        "versions": versions(),
    }
    return sealed(value, key)


def make(
    source: Dataset | Sequence[Dataset],
    synthetic_schema: Schema,
    generator: str,
    settings: Mapping[str, Any],
    seed: int,
    scores: Iterable[Score] | Mapping[str, Any] = (),
    edits: Iterable[Edit] | Mapping[str, Any] = (),
    watermark: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    overrides: Sequence[Mapping[str, Any]] = (),
    key: bytes | None = None,
) -> dict[str, Any]:
    """Return the record of one pass of the line; see `record` for what it holds."""
    sources = [source] if isinstance(source, Dataset) else list(source)
    origins = [{"rows": sum(len(t) for t in d.tables.values()), "name": _name(d), **d.origin} for d in sources]
    return record(
        origins,
        synthetic_schema.to_json(),
        generator,
        settings,
        seed,
        scores if isinstance(scores, Mapping) else _scores(scores),
        edits if isinstance(edits, Mapping) else _edits(edits),
        watermark,
        data,
        overrides,
        key,
    )


def tied(value: Mapping[str, Any], data: Mapping[str, Any], key: bytes | None = None) -> dict[str, Any]:
    """Return a record tied to rows (`content_of`) that were drawn after it was made, sealed again."""
    return sealed({**value, "data": dict(data)}, key)


def generation_of(origin: Mapping[str, Any]) -> int | None:
    """Return how often data are removed from reality: 0 real, 1 synthetic from real, and so on.

    None means unauthenticated: there is no record, and nobody declared the data real.

    >>> generation_of({"path": "x.csv"}) is None, generation_of({"declared": "real"})
    (True, 0)
    """
    own = lineage_of(origin)
    if own is None:
        return 0 if origin.get("declared") == "real" else None
    if verify(own) and not (own.get("synthetic", True) and own["generation"] > 0):
        return None  # edited to look real
    return int(own["generation"])


def lineage_of(origin: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record that came with data, if one did.

    Looked for under ``record``, and as text under ``metadata`` (a file's own key-value pairs).
    """
    own = origin.get("record")
    if isinstance(own, Mapping) and own:
        return _checked(dict(own))
    for pairs in (origin.get("metadata"), origin):
        if isinstance(pairs, Mapping) and isinstance(pairs.get(METADATA_KEY), str | bytes):
            return from_metadata(pairs)
    return None


def to_metadata(value: Mapping[str, Any]) -> dict[str, str]:
    """Return a record as the key-value pairs of a Parquet or Arrow file."""
    return {METADATA_KEY: canonical(value)}


def from_metadata(pairs: Mapping[Any, Any]) -> dict[str, Any] | None:
    """Read a record from a file's key-value pairs; None where there is none.

    An `InputError` says where it is damaged or from a newer version.
    """
    text = pairs.get(METADATA_KEY, pairs.get(METADATA_KEY.encode()))
    if text is None:
        return None
    if len(text) > MAX_BYTES:
        raise InputError(f"the record in this file takes {len(text):,} bytes, and {MAX_BYTES:,} is the most")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("the record in this file is damaged: it is not JSON; its origin is unknown now") from None
    return _checked(value)


def verify(
    value: Mapping[str, Any], data: Mapping[str, Any] | None = None, key: bytes | None = None
) -> list[dict[str, str]]:
    """Say what does not fit: an edited record, edited data.

    Parameters
    ----------
    data : mapping
        `content_of` the rows that the record came with.
    key : bytes
        The project key; a signature made by it is checked.

    Returns
    -------
    list of dict
        Each with ``what`` (``record``, ``signature``, ``data``, ``untied``) and ``message``; empty if all fits.
    """
    out = []
    if value.get("seal") != _seal(value):
        out.append({"what": "record", "message": "this record was edited: its content does not match its own seal"})
    signature = value.get("signature")
    if key is not None and isinstance(signature, Mapping) and signature.get("key") == key_id(key):
        good = _signature(value, key)
        if not hmac.compare_digest(good, str(signature.get("value"))):
            out.append(
                {"what": "signature", "message": "this record was not signed with this project's key as it stands"}
            )
    if data is None:
        return out
    own = value.get("data")
    if not isinstance(own, Mapping) or not own:
        out.append(
            {"what": "untied", "message": "this record is not tied to rows: whether they were edited is unknown"}
        )
    elif own.get("content") != data.get("content") and not _of_several(own, data):
        out.append({"what": "data", "message": _difference(own, data)})
    return out


def _of_several(own: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Tell whether rows are one of the linked tables that a record is about."""
    tables = own.get("tables")
    known = tables.values() if isinstance(tables, Mapping) else ()
    return any(isinstance(t, Mapping) and t.get("content") == data.get("content") for t in known)


def sealed(value: Mapping[str, Any], key: bytes | None = None) -> dict[str, Any]:
    """Return a record with its seal, and with a key its signature."""
    out: dict[str, Any] = json.loads(canonical({k: v for k, v in value.items() if k not in ("seal", "signature")}))
    out["seal"] = _seal(out)
    if key is not None:
        out["signature"] = {"key": key_id(key), "value": _signature(out, key)}
    return out


def key_id(key: bytes) -> str:
    """Return the public name of a project key: 16 hexadecimal digits that do not give it away."""
    return hashlib.blake2b(key=key, person=b"seedstock-key-id", digest_size=8).hexdigest()


def canonical(value: Any) -> str:
    """Return JSON text that equal values share: sorted keys, no spaces, NaN and infinities as null."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def versions() -> dict[str, str]:
    """Return the versions of Seedstock, Python and the libraries that decide about the drawn rows."""
    out = {"python": platform.python_version()}
    for name in ("seedstock", *_LIBRARIES):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        # Lone surrogates cannot be written as UTF-8.
        return value.encode("utf-8", "replace").decode()
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, int | bool):
        return value
    return str(value)


def _seal(value: Mapping[str, Any]) -> str:
    rest = {k: v for k, v in value.items() if k not in ("seal", "signature")}
    return hashlib.blake2b(canonical(rest).encode(), digest_size=32).hexdigest()


def _signature(value: Mapping[str, Any], key: bytes) -> str:
    return hashlib.blake2b(_seal(value).encode(), key=key, person=b"seedstock-record", digest_size=32).hexdigest()


def _checked(value: Any) -> dict[str, Any]:
    foreign = "the record that came with this file is no Seedstock record"
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise InputError(f"{foreign}; without one its origin is unknown")
    number = value.get("version")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InputError(f"{foreign}: its version is {number!r}")
    if number > VERSION:
        raise InputError(
            f"this record is of version {number}, and this Seedstock reads up to {VERSION}; update Seedstock"
        )
    generation = value.get("generation")
    if not isinstance(generation, int) or isinstance(generation, bool) or not 0 <= generation < 1_000_000:
        raise InputError(f"{foreign}: its generation is {generation!r}, not a number of 0 or more")
    return value


def _parent(origin: Mapping[str, Any]) -> dict[str, Any]:
    out = {k: origin[k] for k in _SOURCE_FACTS if origin.get(k) is not None}
    if "hash" in origin and "sha256" not in out:
        out["sha256"] = origin["hash"]
    from seedstock.provenance.lineage import parts

    own = lineage_of(origin)
    # A mark in the rows says their generation where the record was lost.
    known = [int(g) for g, share in parts(origin).items() if g != "unauthenticated" and share > 0]
    generation = max(known, default=None)
    out["generation"] = generation
    out["authenticated"] = generation == 0 if own is None else bool(own.get("authenticated")) and not verify(own)
    if isinstance(origin.get("mark"), Mapping):
        out["mark"] = {k: origin["mark"].get(k) for k in ("generation", "share", "p_value")}
    if origin.get("declared"):
        out["declared"] = origin["declared"]
    if origin.get("weight") is not None:
        out["weight"] = origin["weight"]
    if own is not None:
        out["record"] = {k: own[k] for k in ("seal", "generation", "parents", "overrides") if k in own}
        if found := verify(own):
            out["broken"] = [f["message"] for f in found]
    return out


def _name(data: Dataset) -> str:
    path = str(data.origin.get("path", ""))
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or next(iter(data.tables), "data")


def _scores(scores: Iterable[Score]) -> dict[str, Any]:
    return {s.name: {"value": s.value, "floor": s.floor, "better": s.better} for s in scores}


def _edits(edits: Iterable[Edit]) -> dict[str, Any]:
    listed = list(edits)
    by_check: dict[str, int] = {}
    for e in listed:
        by_check[e.check] = by_check.get(e.check, 0) + 1
    rows = {(e.table, e.row) for e in listed if e.column is None}
    return {"count": len(listed), "rows_removed": len(rows), "by_check": dict(sorted(by_check.items()))}


def _difference(own: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    head = "these data were edited after the record was made"
    if own.get("rows") != data.get("rows"):
        return f"{head}: it speaks of {own.get('rows')} rows, and there are {data.get('rows')}"
    before, now = own.get("columns") or {}, data.get("columns") or {}
    gone, new = sorted(set(before) - set(now)), sorted(set(now) - set(before))
    changed = sorted(c for c in set(before) & set(now) if before[c] != now[c])
    parts = [
        f"{word} {', '.join(names[:5])}"
        for word, names in (("lost", gone), ("new", new), ("changed", changed))
        if names
    ]
    return f"{head}: columns {'; '.join(parts) or 'differ'}"
