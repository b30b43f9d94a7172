"""Parquet files with a column of encoded images, as Hugging Face's `datasets` and others write them."""

from __future__ import annotations

from pathlib import Path

from seedstock.core.errors import InputError
from seedstock.sources.files import connection, plain_name
from seedstock.sources.pictures import UnreadableError, head

_TRIED = 5


def image_column(path: Path) -> str | None:
    """Return the column of a Parquet file that holds images, as bytes or structs of ``bytes`` and ``path``, or None."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return None
        with connection() as con, plain_name(path) as name:
            for column, kind in _columns(con, name).items():
                if _expression(column, kind) is None:
                    continue
                query = f"SELECT {_expression(column, kind)} FROM read_parquet($path) LIMIT {_TRIED}"
                some = [v for (v,) in con.execute(query, {"path": name}).fetchall() if v]
                if some and any(_is_image(bytes(v)) for v in some):
                    return column
    except Exception:  # not a Parquet file that can be read: whoever reads tables says why
        return None
    return None


def encoded_images(path: Path, column: str) -> tuple[dict[str, bytes], dict[str, list[str | None]]]:
    """Return a file's images by name (the struct's path, or the row's number), and its other plain columns as labels.

    Raises
    ------
    InputError
        A row without an image.
    """
    with connection() as con, plain_name(path) as name:
        kinds = _columns(con, name)
        others = [c for c, kind in kinds.items() if c != column and _is_plain(kind)]
        named = f'"{_quoted(column)}".path' if "path VARCHAR" in kinds[column].replace('"', "") else "NULL"
        parts = [str(_expression(column, kinds[column])), named]
        parts += [f'CAST("{_quoted(c)}" AS VARCHAR)' for c in others]
        rows = con.execute(f"SELECT {', '.join(parts)} FROM read_parquet($path)", {"path": name}).fetchall()
    out: dict[str, bytes] = {}
    for k, (value, where, *_) in enumerate(rows, 1):
        own = Path(str(where).replace("\\", "/")).stem if where else ""
        out[own if own and own not in out else f"{k:06d}"] = bytes(value or b"")
    if not rows or len(out) != len(rows):
        raise InputError(f"{path.name!r} has no images, or two of one name; give them different ones")
    return out, {c: [row[2 + i] for row in rows] for i, c in enumerate(others)}


def _columns(con: object, name: str) -> dict[str, str]:
    found = con.execute("DESCRIBE SELECT * FROM read_parquet($path)", {"path": name}).fetchall()  # type: ignore[attr-defined]
    return {str(row[0]): str(row[1]) for row in found}


def _expression(column: str, kind: str) -> str | None:
    if kind == "BLOB":
        return f'"{_quoted(column)}"'
    plain = kind.replace('"', "")
    return f'"{_quoted(column)}".bytes' if plain.startswith("STRUCT(") and "bytes BLOB" in plain else None


def _is_plain(kind: str) -> bool:
    return kind in ("VARCHAR", "BOOLEAN", "DATE") or kind.startswith(("ENUM", "TINY", "SMALL", "INT", "BIGINT", "U"))


def _is_image(value: bytes) -> bool:
    try:
        head(value)
    except (UnreadableError, InputError):
        return False
    return True


def _quoted(name: str) -> str:
    return name.replace('"', '""')
