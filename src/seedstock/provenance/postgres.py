"""A register in a PostgreSQL database, for a team: the catalogue and the sketches; the key never goes there.

The driver is pg8000 (BSD). Sketches are kept in pieces of bytes and mapped from a local copy when they are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from seedstock.core.errors import InputError, MissingExtraError, ResourceError
from seedstock.provenance.cells import derive
from seedstock.provenance.keys import home, project_key
from seedstock.provenance.register import VERSION, Entry, Register, new_entry
from seedstock.provenance.sketch import Sketch, load, save

SCHEMES = ("postgres://", "postgresql://")
_PIECE = 4 << 20
_SECONDS = 60
_LOCK = 0x5EED57
_COLUMNS = "id, name, role, rows, content, generation, columns, header, bytes, created"
_TABLES = """
CREATE TABLE seedstock_register (version INTEGER NOT NULL, key TEXT NOT NULL);
CREATE TABLE seedstock_dataset (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, rows BIGINT NOT NULL, content TEXT NOT NULL,
    generation INTEGER, columns TEXT NOT NULL, header TEXT NOT NULL, bytes BIGINT NOT NULL, created TEXT NOT NULL,
    UNIQUE (content, name)
);
CREATE TABLE seedstock_sketch (
    dataset TEXT NOT NULL REFERENCES seedstock_dataset (id) ON DELETE CASCADE, piece INTEGER NOT NULL,
    bytes BYTEA NOT NULL, PRIMARY KEY (dataset, piece)
);
"""


class PostgresRegister(Register):
    """A register on a server; any number of machines may read and write it at once.

    The key of its hashes lies in a file of the user's own folder; who shares the register shares that file.

    Parameters
    ----------
    url : str
        ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``, with ``?sslmode=require`` or ``verify-full`` for an
        encrypted connection and ``?host=/FOLDER`` for a local socket. The password may stand in ``PGPASSWORD``.
    """

    def __init__(self, url: str) -> None:
        self._settings, self.where = _parsed(url)
        place = hashlib.blake2b(self.where.encode(), digest_size=8).hexdigest()
        self.path = home() / "registers" / place
        self.folder = self.path.with_name(place + ".sketches")
        self._key: bytes | None = None

    @property
    def key(self) -> bytes:
        """The key of this register's hashes."""
        if self._key is None:
            file = self.path.with_name(self.path.name + ".key")
            with self._server() as db:
                known = _one(db, "SELECT key FROM seedstock_register")[0]
            if known and not file.exists():
                raise InputError(
                    f"the register {self.where} was made with the key {known}; copy its key file to {str(file)!r}"
                )
            own = project_key(file)
            if not known:
                with self._server() as db:
                    _run(db, "UPDATE seedstock_register SET key = %s WHERE key = ''", own.name)
                    known = _one(db, "SELECT key FROM seedstock_register")[0]
            if known != own.name:
                raise InputError(
                    f"the register {self.where} was made with the key {known}, and {str(file)!r} holds {own.name}; "
                    f"copy the right key file there"
                )
            self._key = derive(own.secret, "register")
        return self._key

    @property
    def exists(self) -> bool:
        """Whether there is anything to read: a server that cannot be reached is an error."""
        return True

    def entries(self) -> list[Entry]:
        """Return all registered data sets, oldest first."""
        with self._server() as db:
            rows = _run(db, f"SELECT {_COLUMNS} FROM seedstock_dataset ORDER BY created, id").fetchall()
        return [_entry(r) for r in rows]

    def sketch(self, entry: Entry, check: bool = True) -> Sketch:
        """Map an entry's sketch from the local copy, which is fetched where it is missing or damaged."""
        file = self.folder / f"{entry.id}.sketch"
        if file.exists():
            with suppress(InputError):
                return load(file, entry.header, check)
        self._fetch(entry, file)
        return load(file, entry.header, check)

    def remove(self, name: str) -> int:
        """Forget all data sets of this name; return how many there were."""
        with self._server() as db:
            ids = [
                r[0] for r in _run(db, "DELETE FROM seedstock_dataset WHERE name = %s RETURNING id", name).fetchall()
            ]
        for k in ids:
            (self.folder / f"{k}.sketch").unlink(missing_ok=True)
        return len(ids)

    def _ready(self) -> None:
        self.key  # noqa: B018 - connects, makes the tables, and checks version and key

    def _store(self, sketch: Sketch, name: str, role: str, content: str, generation: int | None) -> Entry:
        entry = new_entry(sketch, name, role, content, generation)
        file = self.folder / f"{entry.id}.sketch"
        entry = Entry(**{**entry.__dict__, "header": save(sketch, file)})
        values = [*(getattr(entry, c) for c in _COLUMNS.split(", "))]
        values[6] = json.dumps(entry.columns)
        with self._server() as db:
            marks = ", ".join(["%s"] * len(values))
            # Of two writers of the same data one waits here for the other, and then finds its row.
            text = (
                f"INSERT INTO seedstock_dataset ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (content, name) DO NOTHING "
                f"RETURNING id"
            )
            new = _run(db, text, *values).fetchall()
            if not new:
                file.unlink(missing_ok=True)
                text = f"SELECT {_COLUMNS} FROM seedstock_dataset WHERE content = %s AND name = %s"
                return _entry(_one(db, text, content, name))
            with file.open("rb") as source:
                for k, piece in enumerate(iter(lambda: source.read(_PIECE), b"")):
                    _run(db, "INSERT INTO seedstock_sketch VALUES (%s, %s, %s)", entry.id, k, piece)
        return entry

    def _fetch(self, entry: Entry, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}.part")
        try:
            with self._server() as db, new.open("wb") as out:
                count = _one(db, "SELECT count(*) FROM seedstock_sketch WHERE dataset = %s", entry.id)[0]
                for k in range(count):
                    text = "SELECT bytes FROM seedstock_sketch WHERE dataset = %s AND piece = %s"
                    found = _run(db, text, entry.id, k).fetchone()
                    out.write(found[0] if found else b"")
            os.replace(new, file)
        except OSError as error:
            raise ResourceError(f"the sketch of {entry.name!r} cannot be kept here: {error.strerror}") from None
        finally:
            new.unlink(missing_ok=True)

    @contextmanager
    def _server(self) -> Iterator[Any]:
        """Open a connection with one transaction, which is undone where anything fails."""
        try:
            import pg8000.dbapi as driver
        except ImportError:
            raise MissingExtraError(
                "a register on a server needs pg8000; install it by `pip install 'seedstock[postgres]'`"
            ) from None
        what = f"the register {self.where}"
        db = None
        try:
            db = driver.connect(**self._settings, timeout=_SECONDS, application_name="seedstock")
            self._check(db)
            yield db
            db.commit()
        except driver.DatabaseError as error:
            raise ResourceError(f"{what} cannot be used: {_words(error)}") from None
        except (driver.InterfaceError, ConnectionError, TimeoutError) as error:
            raise ResourceError(f"{what} cannot be reached: {_words(error)}") from None
        finally:
            if db is not None:
                with suppress(Exception):  # the connection is lost, and its transaction undone
                    db.close()

    def _check(self, db: Any) -> None:  # type: ignore[override]
        there = _one(db, "SELECT to_regclass('seedstock_register') IS NOT NULL")[0]
        if not there:
            _run(db, "SELECT pg_advisory_xact_lock(%s)", _LOCK)
            if not _one(db, "SELECT to_regclass('seedstock_register') IS NOT NULL")[0]:
                for statement in _TABLES.split(";\n"):
                    if statement.strip():
                        _run(db, statement)
                _run(db, "INSERT INTO seedstock_register VALUES (%s, '')", VERSION)
            db.commit()
        version = _one(db, "SELECT version FROM seedstock_register")[0]
        if version > VERSION:
            raise InputError(
                f"the register {self.where} is of version {version}, and this Seedstock reads up to {VERSION}; "
                f"update Seedstock"
            )


def _parsed(url: str) -> tuple[dict[str, Any], str]:
    """Return the driver's settings, and the place in words, without the password."""
    form = "a register's URL reads postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        raise InputError(f"{form}; this one cannot be read") from None
    asked = {k: v[-1] for k, v in parse_qs(parts.query).items()}
    database = unquote(parts.path.lstrip("/"))
    user = unquote(parts.username or "") or os.environ.get("PGUSER", "")
    if not database or not user:
        raise InputError(f"{form}; this one names no {'user' if database else 'database'}")
    if unknown := sorted(set(asked) - {"sslmode", "host"}):
        raise InputError(f"a register's URL may say sslmode and host, not {unknown[0]!r}")
    mode = asked.get("sslmode", "prefer")
    if mode not in ("disable", "prefer", "require", "verify-full"):
        raise InputError(f"sslmode must be disable, prefer, require or verify-full, not {mode!r}")
    host = asked.get("host", parts.hostname or "localhost")
    settings: dict[str, Any] = {"user": user, "database": database}
    if host.startswith("/"):
        settings["unix_sock"] = f"{host}/.s.PGSQL.{port}"
    else:
        settings |= {"host": host, "port": port, "ssl_context": _encryption(mode)}
    password = unquote(parts.password) if parts.password else os.environ.get("PGPASSWORD")
    if password:
        settings["password"] = password
    return settings, f"postgresql://{host}:{port}/{database}"


def _encryption(mode: str) -> Any:
    if mode == "verify-full":
        return ssl.create_default_context()
    if mode == "require":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    return False if mode == "disable" else None


def _run(db: Any, text: str, *values: Any) -> Any:
    cursor = db.cursor()
    cursor.execute(text, values)
    return cursor


def _one(db: Any, text: str, *values: Any) -> Any:
    return _run(db, text, *values).fetchone()


def _entry(row: Any) -> Entry:
    return Entry(*(*row[:6], tuple(json.loads(row[6])), *row[7:]))


def _words(error: Exception) -> str:
    found = error.args[0] if error.args else error
    return str(found.get("M", found) if isinstance(found, Mapping) else found)[:200]
