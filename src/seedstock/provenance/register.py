"""The register: the data sets that were seen before, by their fingerprints, in SQLite beside mapped sketch files."""

from __future__ import annotations

import datetime
import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from seedstock.core.errors import InputError, ResourceError
from seedstock.core.table import Dataset
from seedstock.provenance.cells import derive
from seedstock.provenance.content import ContentHash
from seedstock.provenance.fingerprint import Fingerprint
from seedstock.provenance.keys import home, project_key
from seedstock.provenance.record import generation_of, lineage_of, verify
from seedstock.provenance.sketch import Sketch, load, save
from seedstock.provenance.spill import scratch

APPLICATION = 0x5EED57
VERSION = 1
Role = Literal["data", "train", "test"]
ROLES: tuple[Role, ...] = get_args(Role)
_WAIT_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE dataset (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, rows INTEGER NOT NULL, content TEXT NOT NULL,
    generation INTEGER, columns TEXT NOT NULL, header TEXT NOT NULL, bytes INTEGER NOT NULL, created TEXT NOT NULL,
    UNIQUE (content, name)
)
"""


@dataclass(frozen=True)
class Entry:
    """One registered data set.

    Attributes
    ----------
    role : {"data", "train", "test"}
        What it is used for; a test set is looked for in training data.
    rows, bytes : int
        Rows, and bytes that its sketch takes.
    content : str
        The content hash.
    generation : int or None
        0 real, 1 synthetic from real ...; None unauthenticated.
    columns : tuple of str
    """

    id: str
    name: str
    role: str
    rows: int
    content: str
    generation: int | None
    columns: tuple[str, ...]
    header: str
    bytes: int
    created: str

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return {k: getattr(self, k) for k in ("name", "role", "rows", "content", "generation", "bytes", "created")}


class Register:
    """A register on disk: ``FILE``, the folder ``FILE.sketches`` and the key ``FILE.key`` beside it.

    Its hashes are keyed, so that without the key file nobody can ask it whether a row is in it.
    Any number of processes may read and write it at once.

    Parameters
    ----------
    path : path, optional
        ``register.sqlite`` in `seedstock.provenance.keys.home`, by default.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path) if path is not None else home() / "register.sqlite"
        self.folder = self.path.with_name(self.path.name + ".sketches")
        self.where = str(self.path)
        self._key: bytes | None = None

    @property
    def key(self) -> bytes:
        """The key of this register's hashes."""
        if self._key is None:
            secret = project_key(self.path.with_name(self.path.name + ".key")).secret
            self._key = derive(secret, "register")
        return self._key

    def add(
        self, data: Dataset | Iterable[Dataset], name: str, role: Role = "data", origin: Mapping[str, Any] | None = None
    ) -> Entry:
        """Remember a data set, given whole or in chunks; the same rows under the same name are remembered once.

        Parameters
        ----------
        origin : mapping
            Where it is from; the (first) data set's own, by default. Its record gives the generation.
        """
        if role not in ROLES:
            raise InputError(f"a data set's role must be one of {', '.join(ROLES)}, not {role!r}")
        if not name.strip():
            raise InputError("a registered data set needs a name")
        self._ready()
        with scratch(self.folder) as folder:
            finger, content = Fingerprint(self.key, folder=folder), ContentHash()
            for chunk in [data] if isinstance(data, Dataset) else data:
                origin = chunk.origin if origin is None else origin
                finger.add(chunk.table, chunk.columns)
                content.add(chunk.table, chunk.columns.columns)
            return self._store(finger.sketch(), name, role, content.digest(), generation_of(origin or {}))

    def entries(self) -> list[Entry]:
        """Return all registered data sets, oldest first."""
        if not self.path.exists():
            return []
        with self._connection() as db:
            rows = db.execute(
                "SELECT id, name, role, rows, content, generation, columns, header, bytes, created FROM dataset "
                "ORDER BY created, rowid"
            ).fetchall()
        return [Entry(*(*r[:6], tuple(json.loads(r[6])), *r[7:])) for r in rows]

    def sketch(self, entry: Entry, check: bool = True) -> Sketch:
        """Map an entry's sketch; an `InputError` where it is damaged or gone."""
        return load(self.folder / f"{entry.id}.sketch", entry.header, check)

    def remove(self, name: str) -> int:
        """Forget all data sets of this name; return how many there were."""
        with self._connection(write=True) as db:
            ids = [r[0] for r in db.execute("SELECT id FROM dataset WHERE name = ?", [name])]
            db.execute("DELETE FROM dataset WHERE name = ?", [name])
        for k in ids:
            (self.folder / f"{k}.sketch").unlink(missing_ok=True)
        return len(ids)

    @property
    def exists(self) -> bool:
        """Whether there is a register."""
        return self.path.exists()

    def _ready(self) -> None:
        """See that the register can be read and is of this version, before an hour of hashing."""
        with self._connection(write=True):
            pass

    def _store(self, sketch: Sketch, name: str, role: str, content: str, generation: int | None) -> Entry:
        known = {(e.content, e.name): e for e in self.entries()}
        if (content, name) in known and self._whole(known[content, name]):
            return known[content, name]
        # The file has a name of its own and is complete before the catalogue names it: a killed run leaves at most
        # a file that nothing points to.
        entry = new_entry(sketch, name, role, content, generation)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResourceError(f"the folder {str(self.folder)!r} cannot be made: {error.strerror}") from None
        header = save(sketch, self.folder / f"{entry.id}.sketch")
        with self._connection(write=True) as db:
            replaced = db.execute("SELECT id FROM dataset WHERE content = ? AND name = ?", [content, name]).fetchall()
            db.execute(
                "INSERT OR REPLACE INTO dataset VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [entry.id, name, role, entry.rows, content, generation, json.dumps(entry.columns), header,
                 entry.bytes, entry.created],
            )  # fmt: skip
        for (old,) in replaced:  # a damaged sketch, or another process's equal one
            (self.folder / f"{old}.sketch").unlink(missing_ok=True)
        return replace(entry, header=header)

    def _whole(self, entry: Entry) -> bool:
        try:
            self.sketch(entry)
        except InputError:
            return False
        return True

    @contextmanager
    def _connection(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        what = f"the register {str(self.path)!r}"
        db = None
        try:
            if write:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None)
            db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            self._check(db, write, what)
            yield db
            db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise ResourceError(f"{what} is in use by another process; try again when it is done") from None
            if isinstance(error, sqlite3.OperationalError):
                raise ResourceError(f"{what} cannot be used: {error}") from None
            raise InputError(f"{what} is damaged or is no register ({error}); restore it, or name another") from None
        except OSError as error:
            raise ResourceError(f"{what} cannot be written: {error.strerror}") from None
        finally:
            if db is not None:
                db.close()  # rolls back what was not committed

    def _check(self, db: sqlite3.Connection, write: bool, what: str) -> None:
        application, version = (db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("application_id", "user_version"))
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables and not version and not application:
            if write:
                db.execute(_SCHEMA)
                db.execute(f"PRAGMA application_id = {APPLICATION}")
                db.execute(f"PRAGMA user_version = {VERSION}")
                return
            raise InputError(f"{what} is empty: nothing was registered in it")
        if application != APPLICATION:
            raise InputError(f"{what} is another program's database; name another file")
        if version > VERSION:
            raise InputError(
                f"{what} is of version {version}, and this Seedstock reads up to {VERSION}; update Seedstock"
            )


def new_entry(sketch: Sketch, name: str, role: str, content: str, generation: int | None) -> Entry:
    """Return a catalogue entry for a sketch that is not written yet."""
    return Entry(
        secrets.token_hex(8), name, role, int(sketch.meta["n_rows"]), content, generation,
        tuple(sketch.meta["columns"]), "", sketch.n_bytes,
        datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
    )  # fmt: skip


def open_register(where: Register | str | os.PathLike[str] | None = None) -> Register:
    """Return the register in a file, or by a URL (``postgresql://...``) that on a server.

    >>> open_register("team.sqlite").exists
    False
    """
    if isinstance(where, Register):
        return where
    if str(where).startswith(("postgres://", "postgresql://")):
        from seedstock.provenance.postgres import PostgresRegister

        return PostgresRegister(str(where))
    return Register(where)


def register(
    data: Dataset | Iterable[Dataset],
    name: str,
    path: str | os.PathLike[str] | None = None,
    role: Role = "data",
    origin: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Remember a data set's fingerprint; see `Register.add`.

    Returns
    -------
    dict
        JSON values: ``name``, ``role``, ``rows``, ``content``, ``generation``, ``bytes``, ``created``, ``register``
        (the file), and ``notes``.
    """
    own = open_register(path)
    entry = own.add(data, name, role, origin)
    notes = []
    found = (data.origin if isinstance(data, Dataset) else origin) or {}
    lineage = lineage_of(found)
    if lineage is not None:
        notes += [v["message"] for v in verify(lineage)]
    return {**entry.to_json(), "register": own.where, "notes": notes}
