"""What a column is: its kind, its dtype and its written form, from its cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import ColumnSchema, Kind
from seedstock.core.table import Column
from seedstock.sources._raw import MISSING_TOKENS, UNTYPED, WEAK_TOKENS, Raw, compact, relabel, spread
from seedstock.sources.dates import parse_times
from seedstock.sources.identifiers import is_free_text, is_id_numbers, is_id_texts
from seedstock.sources.numbers import decimals_of, looks_numeric, parse_numbers
from seedstock.sources.texts import texts_of

BOOLEANS = ("false/true", "no/yes", "f/t", "n/y")
Inferred = tuple[Column, ColumnSchema, list[str]]


def infer(raw: Raw, name: str) -> Inferred:
    """Return the column as it will be used, its schema, and notes on what was decided in doubt."""
    if raw.column.is_text:
        column, schema, notes = _infer_texts(raw)
    else:
        column, schema, notes = _infer_values(raw, name)
    if schema.kind in ("category", "text") and column.levels is not None and len(column.levels):
        schema = replace(schema, kind=_kind_of_texts(column, name))
    elif schema.kind == "number" and column.values.dtype.kind == "i" and is_id_numbers(column, name):
        schema = replace(schema, kind="id")
    if schema.kind == "id":
        schema = replace(schema, roles=("key",) if _distinct(column) else ())
    return column, schema, [f"Column {name!r} {note}." for note in notes]


def without_tokens(column: Column, weak: bool) -> tuple[Column, str | None, list[str]]:
    """Return a text column whose missing-value tokens are missing cells, the commonest token (None for empty), and all.

    >>> column, token, tokens = without_tokens(Column.of_texts(["a", "?", "?", None]), weak=False)
    >>> column.missing.tolist(), token, tokens
    ([False, True, True, True], '?', ['', '?'])
    """
    if column.levels is None or not len(column.levels):
        return column, None, []
    tokens = MISSING_TOKENS | WEAK_TOKENS if weak else MISSING_TOKENS
    gone = np.array([t.strip() in tokens for t in column.levels])
    if not gone.any():
        return column, None, [""] * bool(column.missing.any())
    counts = np.bincount(column.values[~column.missing], minlength=len(gone))
    best = max(np.flatnonzero(gone).tolist(), key=lambda k: counts[k])
    token = column.levels[best].strip() if counts[best] > column.missing.sum() else ""
    new = [None if g else t for g, t in zip(gone, column.levels, strict=True)]
    seen = {str(t).strip() for t, g in zip(column.levels, gone, strict=True) if g}
    seen |= {""} if column.missing.any() else set()
    return relabel(column, new), token or None, sorted(seen)


def stripped(column: Column) -> tuple[Column, bool]:
    """Drop surrounding spaces where every cell has them: they belong to the file, not to the values."""
    levels = column.levels
    if levels is None or not len(levels):
        return column, False
    if all(t[:1] == " " for t in levels) or all(t[-1:] == " " for t in levels):
        return relabel(column, [t.strip(" ") for t in levels]), True
    return column, False


def _infer_texts(raw: Raw) -> Inferred:
    column, token, seen = without_tokens(compact(raw.column), weak=False)
    column, spaces = stripped(column)
    notes = ["has a space around every value, which was dropped"] if spaces else []
    base = ColumnSchema("category", dtype=raw.dtype or "string", missing=token)
    levels = [] if column.levels is None else [str(t) for t in column.levels]
    if not levels:
        return column, base, [*notes, *_tokens(seen, base), "has no values at all"]
    if raw.dtype not in (UNTYPED, "string"):
        return column, base, [*notes, *_tokens(seen, base)]
    for form in BOOLEANS if len(levels) <= 2 else ():
        no, yes = form.split("/")
        folded = {t.casefold(): t for t in levels}
        alone = form == BOOLEANS[0] and len(levels) == 1 and set(folded) <= {no, yes}
        if alone or (len(levels) == 2 and set(folded) == {no, yes}):
            like = str.title if levels[0].istitle() else str.upper if levels[0].isupper() else str.lower
            no, yes = folded.get(no, like(no)), folded.get(yes, like(yes))
            values = spread(column, np.array([t == yes for t in levels]), np.zeros(len(levels), bool))
            schema = replace(base, kind="boolean", dtype=raw.dtype or "bool", format=f"{no}/{yes}")
            return values, schema, [*notes, *_tokens(seen, schema)]
    typed, texts = _typed(column, base, raw.dtype), column
    if typed is None and any(t.strip() in WEAK_TOKENS for t in levels):
        texts, weak, more = without_tokens(column, weak=True)
        seen = sorted({*seen, *more} - {""} | ({""} if raw.column.missing.any() else set()))
        typed = _typed(texts, replace(base, missing=weak if weak and not token else token), raw.dtype)
    if isinstance(typed, tuple):
        found, schema, more = typed
        return found, schema, [*notes, *_tokens(seen, schema), *more, *_changed(texts, schema, found)]
    notes += _tokens(seen, base)
    if isinstance(typed, str) and typed:
        notes.append(f"holds {typed}, so it is kept as text")
    else:
        notes += _mixed(column, levels)
    return column, base, notes


def _typed(column: Column, base: ColumnSchema, dtype: str) -> Inferred | str | None:
    """Return a text column as numbers or times, or the reason why not."""
    texts = [t.strip() for t in (column.levels if column.levels is not None else ())]
    if not texts:
        return None
    none = np.zeros(len(texts), bool)
    numbers = parse_numbers(texts)
    if isinstance(numbers, str) and numbers:
        return numbers
    if not isinstance(numbers, str):
        notes = ["had separators of thousands, which are not written again"] if numbers.thousands else []
        kind = "int64" if numbers.values.dtype.kind == "i" else "float64"
        schema = replace(base, kind="number", dtype=dtype or kind, decimals=numbers.decimals, format=numbers.format)
        return spread(column, numbers.values, none), schema, notes
    times = parse_times(texts)
    if times is None:
        return None
    kind_ = "datetime" if times.values.dtype.kind == "M" else "duration"
    schema = replace(base, kind=kind_, dtype=dtype or times.dtype, format=times.format)  # type: ignore[arg-type]
    return spread(column, times.values, none), schema, times.notes


def _tokens(seen: Sequence[str], schema: ColumnSchema) -> list[str]:
    """Say so where missing cells were written in several ways."""
    if len(seen) < 2:
        return []
    ways = ", ".join(repr(t) for t in seen)
    return [f"has missing cells written as {ways}; all are written as {schema.missing or ''!r} from here on"]


def _changed(texts: Column, schema: ColumnSchema, found: Column) -> list[str]:
    """Say so where cells will not be written as they were."""
    levels = [str(t) for t in texts.levels] if texts.levels is not None else []
    first = np.zeros(len(levels), np.int64)
    here = np.flatnonzero(~texts.missing)
    first[texts.values[here[::-1]]] = here[::-1]
    again = texts_of(found.values[first], schema)
    odd = [(a, b) for a, b in zip(levels, again, strict=True) if a != b]
    if not odd:
        return []
    was, now = odd[0]
    share = f"{len(odd)} of its {len(levels)} values" if len(odd) < len(levels) else "its values"
    return [f"has {share} written in a form that is not kept: {was[:40]!r} becomes {now[:40]!r}"]


def _mixed(column: Column, levels: Sequence[str]) -> list[str]:
    """Say so where most cells are numbers and some are not."""
    numeric = np.array([looks_numeric(t.strip()) for t in column.levels if t is not None])  # type: ignore[union-attr]
    counts = np.bincount(column.values[~column.missing], minlength=len(numeric))
    share = float((counts * numeric).sum() / max(counts.sum(), 1))
    if not 0.5 <= share < 1:
        return []
    odd = next(t for t in levels if not looks_numeric(t.strip()))
    return [f"has numbers in {share:.1%} of its cells and texts such as {odd[:40]!r}, so all are kept as text"]


def _infer_values(raw: Raw, name: str) -> Inferred:
    column, kind = raw.column, raw.column.values.dtype.kind
    if kind == "b":
        return column, ColumnSchema("boolean", dtype=raw.dtype or "bool", format=raw.format), []
    if kind == "M":
        return column, ColumnSchema("datetime", dtype=raw.dtype, format=raw.format), []
    if kind == "m":
        return column, ColumnSchema("duration", dtype=raw.dtype, format=raw.format), []
    if column.values.ndim > 1:
        return column, ColumnSchema("image", dtype=raw.dtype), []
    decimals = 0 if kind == "i" else declared_decimals(raw.dtype)
    if decimals is None:
        here = column.values[~column.missing]
        decimals = decimals_of(here.astype(np.float32).astype(str).astype(float) if raw.dtype == "float32" else here)
    return column, ColumnSchema("number", dtype=raw.dtype, decimals=decimals, format=raw.format), []


def declared_decimals(dtype: str) -> int | None:
    """Return the decimals of ``decimal(p,s)``.

    >>> declared_decimals("decimal(10,2)")
    2
    """
    found = re.fullmatch(r"decimal\(\d+,\s*(-?\d+)\)", dtype)
    return int(found[1]) if found else None


def _kind_of_texts(column: Column, name: str) -> Kind:
    if is_id_texts(column, name):
        return "id"
    return "text" if is_free_text(column) else "category"


def _distinct(column: Column) -> bool:
    here: NDArray[np.generic] = column.values[~column.missing]
    return len(here) == len(column) and len(np.unique(here)) == len(here)
