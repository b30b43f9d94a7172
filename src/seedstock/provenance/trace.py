"""`trace`: where do these rows come from, and is any of it synthetic?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Dataset, Table
from seedstock.provenance.cells import Hash, expand
from seedstock.provenance.detect import Detection, detect
from seedstock.provenance.fingerprint import GROUPS, RowHashes, row_hashes
from seedstock.provenance.keys import ProjectKey
from seedstock.provenance.lineage import parts, sources_of, with_lineage
from seedstock.provenance.marks import foreign_marks
from seedstock.provenance.record import generation_of, key_id, lineage_of, verify
from seedstock.provenance.register import Entry, Register, Role, open_register
from seedstock.provenance.sketch import Sketch
from seedstock.provenance.values import Values, renamed, unpacked, values_of

RELATED, UNRELATED = 80.0, 55.0
"""Percent match from which cell banks call two lines related, and below which unrelated (ANSI/ATCC ASN-0002)."""
MIN_ALLELES = 50
MIN_LOCI = 2
MOSTLY = 0.95


def trace(
    data: Dataset,
    key: ProjectKey | bytes | None = None,
    register: Register | str | os.PathLike[str] | None = None,
    path: str | os.PathLike[str] | None = None,
    signs: Sequence[dict[str, Any]] = (),
    role: Role = "data",
) -> dict[str, Any]:
    """Say where a data set of one table comes from.

    Parameters
    ----------
    key : ProjectKey or bytes
        Looks for the mark of this key.
    register : Register or path
        Compares with all data sets in it.
    path : path
        The file that the data were read from: descriptions beside it and others' marks in it are read.
    signs : sequence of dict
        Statistical signs of naive generators, from the checks; passed on.
    role : {"data", "train", "test"}
        What these rows are to be used for: a warning says where test rows sit in training data.

    Returns
    -------
    dict
        JSON values. ``synthetic_share`` (0 to 1, None where nothing can tell), ``shares`` (by generation),
        ``interval``, ``p_value`` (None without a key), ``generation`` (None: unauthenticated), ``overlaps`` (each with
        ``name``, ``exact_rows``, ``near_rows``, ``direction``, ``match`` in percent, ``verdict``, and ``renamed``
        columns), ``record``, ``watermark``, ``marks``, ``signs``, ``notes``.
    """
    notes: list[str] = []
    data = with_lineage(data, path)
    own = lineage_of(data.origin)
    notes += list(data.origin.get("broken", []))
    found = None
    if key is not None:
        secret, layouts = (key.secret, key.layouts) if isinstance(key, ProjectKey) else (key, ())
        found = detect(data, secret, layouts)
        notes += _about_key(own, secret, found)
        if own is not None:
            notes += [v["message"] for v in verify(own, key=secret) if v["what"] == "signature"]
    overlaps: list[dict[str, Any]] = []
    if register is not None:
        book = open_register(register)
        if not book.exists:
            raise InputError(f"there is no register {book.where!r}; make one with `seedstock register`")
        overlaps, more = compare(data, book, role)
        notes += more
    metadata = data.origin.get("metadata")
    marks = foreign_marks(path, metadata if isinstance(metadata, Mapping) else {})
    generation, share = _verdict(data, found, overlaps)
    origin = dict(data.origin)
    if found is not None and found.found:
        origin["mark"] = found.to_json()
    return {
        "rows": len(data.table),
        "synthetic_share": share,
        "shares": parts(origin),
        "interval": list(found.interval) if found is not None and found.interval else None,
        "p_value": None if found is None else found.p_value,
        "generation": generation,
        "overlaps": overlaps,
        "record": own,
        "watermark": None if found is None else {**found.to_json(), "found": found.found},
        "marks": marks,
        "signs": list(signs),
        "notes": list(dict.fromkeys(notes)),
    }


def compare(data: Dataset, register: Register, role: Role = "data") -> tuple[list[dict[str, Any]], list[str]]:
    """Return the registered data sets that share something with these rows, the closest first, and notes."""
    everything = set(data.columns.columns)
    table, schemas = expand(data.table, data.columns, everything)
    hashed: dict[tuple[Any, ...], RowHashes] = {}
    own: dict[str, Values] = {}
    out, notes = [], []
    for entry in register.entries():
        columns = tuple(sorted(entry.columns))
        mine, theirs = set(table) - set(columns), set(columns) - set(table)
        reach = len(columns) - len(theirs) + min(len(mine), len(theirs))
        if 2 * reach <= max(len(columns), len(table.names)) or not len(table):
            continue
        try:
            new: dict[str, str] = {}
            if mine and theirs:
                own = own or values_of(table, schemas, register.key)
                quick = register.sketch(entry, check=False)
                known = unpacked(quick.arrays, quick.meta.get("values", {}))
                new = renamed({c: own[c] for c in mine}, {c: known[c] for c in theirs if c in known})
            common = len(columns) - len(theirs) + len(new)
            if 2 * common <= max(len(columns), len(table.names)):
                continue
            sketch = register.sketch(entry)
        except InputError as error:
            notes.append(f"{entry.name!r} could not be compared: {error}")
            continue
        known_as = (columns, *sorted(new.items()))
        if known_as not in hashed:
            there = Table({new.get(c, c): table[c] for c in table}, len(table))
            kinds = {new.get(c, c): s for c, s in schemas.items()}
            hashed[known_as] = row_hashes(there, kinds, register.key, columns)
        same = {new.get(c, c) for c in table} == set(columns)
        found = _overlap(entry, sketch, hashed[known_as], len(table), same)
        if found is not None:
            found["renamed"] = new
        if found is None:
            continue
        out.append(found)
        if found["exact_rows"] and sketch.meta["n_distinct"] < 0.5 * sketch.meta["n_rows"]:
            notes.append(f"rows repeat often within {entry.name!r}, so equal rows say little about their origin")
        notes += _leak(entry, found, role)
    out.sort(key=lambda o: (-o["exact_rows"], -o["near_rows"], -(o["match"] or 0)))
    return out, notes


def _overlap(entry: Entry, sketch: Sketch, hashes: RowHashes, n: int, same: bool) -> dict[str, Any] | None:
    exact = np.zeros(n, bool)
    registered = 0
    if same:
        rows = sketch.arrays["rows"]
        exact = _member(hashes.rows, rows)
        distinct = np.unique(hashes.rows[exact])
        registered = int((np.searchsorted(rows, distinct, "right") - np.searchsorted(rows, distinct, "left")).sum())
    step = int(sketch.meta["near_share"])
    near = np.zeros(n, bool)
    for k in range(GROUPS + 1):
        family = f"near{k}"
        if family in sketch.arrays and family in hashes.near:
            near |= _member(hashes.near[family], sketch.arrays[family])
    n_exact = int(exact.sum())
    n_near = int((near & ~exact).sum()) * step
    match = _match(sketch, hashes)
    verdict = None if match is None else _word(match)
    if not n_exact and not n_near and verdict in (None, "unrelated"):
        return None
    share, other = n_exact / n, registered / max(entry.rows, 1)
    return {
        "name": entry.name,
        "role": entry.role,
        "generation": entry.generation,
        "exact_rows": n_exact,
        "near_rows": min(n_near, n - n_exact),
        "near_is_estimate": step > 1,
        "share_of_file": share,
        "share_of_registered": other,
        "direction": _direction(entry.name, share, other),
        "match": match,
        "verdict": verdict,
    }


def _leak(entry: Entry, found: Mapping[str, Any], role: Role) -> list[str]:
    """Say where test rows sit in training data, whichever of the two this file is."""
    exact, near = found["exact_rows"], found["near_rows"]
    if not exact + near:
        return []
    rows = f"{exact} rows exactly, and about {near} nearly"
    if entry.role == "test" and role != "test":
        return [f"rows of the test set {entry.name!r} are in this file ({rows}): do not train on it"]
    if entry.role == "train" and role == "test":
        return [f"this test set shares rows with the training data {entry.name!r} ({rows}): do not test on them"]
    return []


def _member(queries: Hash, sorted_hashes: Hash) -> NDArray[np.bool_]:
    """Tell which queries are in a sorted array; sorted queries read a mapped file from front to back."""
    distinct, inverse = np.unique(queries, return_inverse=True)
    place = np.searchsorted(sorted_hashes, distinct)
    found = np.zeros(len(distinct), bool)
    inside = place < len(sorted_hashes)
    found[inside] = sorted_hashes[place[inside]] == distinct[inside]
    out: NDArray[np.bool_] = found[inverse.reshape(-1)]
    return out


def _match(sketch: Sketch, hashes: RowHashes) -> float | None:
    """Return the percent of this file's alleles that the registered data have, over the comparable loci.

    Wide loci are compared, which tell rows apart; where lost columns leave fewer than two of them, narrow loci by
    the alleles that occur once in this file.
    """
    whole = hashes.whole if len(hashes.whole) == len(sketch.meta["complete"]) else []
    places = {locus: k for k, locus in enumerate(whole)}
    for layer in (1, 0):
        shares, total = [], 0
        for locus, values in zip(hashes.loci, hashes.alleles, strict=True):
            if locus.layer != layer or locus not in places:
                continue
            k = places[locus]
            kept = sketch.arrays[f"locus{k}"]
            alleles, counts = np.unique(values, return_counts=True)
            if layer == 0:
                alleles = alleles[counts == 1]
            if not sketch.meta["complete"][k] and len(kept):
                # Below the largest kept hash the list is complete.
                alleles = alleles[alleles <= kept[-1]]
            if len(alleles):
                shares.append(float(_member(alleles, kept).mean()))
                total += len(alleles)
        if len(shares) >= MIN_LOCI and total >= MIN_ALLELES:
            return round(100 * float(np.mean(shares)), 1)
    return None


def _word(match: float) -> str:
    return "related" if match >= RELATED else "unrelated" if match < UNRELATED else "unclear"


def _direction(name: str, share: float, other: float) -> str:
    if share >= MOSTLY and other >= MOSTLY:
        return f"the same rows as {name}"
    if share >= MOSTLY:
        return f"this file is part of {name}"
    if other >= MOSTLY:
        return f"{name} is part of this file"
    return f"this file and {name} overlap" if share or other else f"no row of {name} is in this file exactly"


def _verdict(
    data: Dataset, found: Detection | None, overlaps: Sequence[dict[str, Any]]
) -> tuple[int | None, float | None]:
    """Return the generation and the synthetic share: by the record, the mark, or the register, in this order."""
    own = lineage_of(data.origin)
    generation = generation_of(data.origin)
    share = None
    if found is not None:
        share = found.share if found.found else 0.0
    if own is not None and own.get("synthetic", True) and not data.origin.get("broken"):
        share = 1.0
    if len(sources_of(data.origin)) > 1:
        by = parts(data.origin)
        known = [int(g) for g in by if g != "unauthenticated"]
        generation = max(known, default=None)
        share = (
            max(share or 0.0, sum(s for g, s in by.items() if g not in ("0", "unauthenticated"))) if known else share
        )
    if found is not None and found.generation is not None:
        # Whatever a record claims, the mark is in the rows.
        generation = max(generation or 0, found.generation)
    if generation is None:
        for o in overlaps:
            if o["share_of_file"] >= MOSTLY and o["generation"] is not None:
                return int(o["generation"]), 1.0 if o["generation"] else share
    return generation, share


def _about_key(own: dict[str, Any] | None, secret: bytes, found: Detection) -> list[str]:
    mark = (own or {}).get("watermark") or {}
    named, here = mark.get("key"), key_id(secret)
    if found.found and own is None:
        return ["the record is gone, and the mark in the rows is not: these rows were grown with this key"]
    if found.found or not mark:
        return []
    if not mark.get("on"):
        return [f"the record says that these rows carry no mark ({mark.get('why', 'no reason given')})"]
    if named != here:
        return [f"the record names the key {named}, and this one is {here}: another project's key finds nothing"]
    return ["the record says that these rows are marked with this key, and the mark is not there: they were changed"]
