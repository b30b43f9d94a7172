"""`Schema`: what each column is (kind), does (role), and how it is written (dtype, decimals, format, tokens)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from seedstock.core.errors import InputError

Kind = Literal["number", "category", "boolean", "datetime", "duration", "text", "id", "image"]
Role = Literal["target", "key", "foreign_key", "entity", "order", "group"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class ColumnSchema:
    """One column's meaning and its written form.

    Attributes
    ----------
    kind : Kind
        ``id`` columns are never learned: fresh ones are made in the same pattern.
    roles : tuple of Role
    dtype : str
        The type it arrived with and leaves with: ``int8`` ... ``uint64``, ``float32``, ``float64``,
        ``decimal(p,s)``, ``bool``, ``string``, ``categorical``, ``date``, ``time``, ``datetime[us]``,
        ``datetime[us, ZONE]``, ``duration[us]``.
    decimals : int or None
        Numbers: decimals as written; 0 for whole numbers; None when there is no grid.
    format : str or None
        Datetimes: the strftime format of the text. Booleans: ``"no/yes"``, the two texts, false first.
        Numbers: ``","`` for a decimal comma, ``"0"`` where all decimals are written (12.50), ``",0"`` for both,
        ``"#"`` where whole numbers have no decimals (2 beside 1.5), ``"e"`` where exponents may be written.
    missing : str or None
        The text of a missing cell where it was not empty, such as ``?`` or ``NA``.
    """

    kind: Kind
    roles: tuple[Role, ...] = ()
    dtype: str = "string"
    decimals: int | None = None
    format: str | None = None
    missing: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"a column's kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        for role in self.roles:
            if role not in ROLES:
                raise InputError(f"a column's role must be one of {', '.join(ROLES)}, not {role!r}")


@dataclass(frozen=True)
class TableSchema:
    """The columns of one table, in order, and what the user knows about rules between them.

    Attributes
    ----------
    columns : mapping of str to ColumnSchema
    rules : tuple of mapping
        Declared rules, as in a schema file; see `seedstock.encoding.rules.declared`.
    veto : tuple of str
        Names or kinds of rules that must not be found.
    """

    columns: Mapping[str, ColumnSchema]
    rules: tuple[Mapping[str, Any], ...] = ()
    veto: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> ColumnSchema:
        try:
            return self.columns[name]
        except KeyError:
            known = ", ".join(map(repr, self.columns))
            raise InputError(f"there is no column {name!r}; there are {known}") from None

    def of_kind(self, *kinds: Kind) -> list[str]:
        """Return the names of the columns of these kinds."""
        return [name for name, c in self.columns.items() if c.kind in kinds]

    def with_role(self, role: Role) -> list[str]:
        """Return the names of the columns that have this role."""
        return [name for name, c in self.columns.items() if role in c.roles]

    @property
    def target(self) -> str | None:
        """The target column, if one is declared."""
        return next(iter(self.with_role("target")), None)

    def replace_column(self, name: str, **changes: Any) -> TableSchema:
        """Return the schema with some fields of one column changed."""
        return replace(self, columns={**self.columns, name: replace(self[name], **changes)})


@dataclass(frozen=True)
class Link:
    """Rows of `child` point to rows of `parent`: ``child.column`` holds values of ``parent.key``."""

    child: str
    column: str
    parent: str
    key: str


@dataclass(frozen=True)
class Schema:
    """The tables' schemas and the links between the tables."""

    tables: Mapping[str, TableSchema]
    links: tuple[Link, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `from_json` makes an equal schema.

        >>> schema = Schema({"data": TableSchema({"x": ColumnSchema("number", dtype="int64")})})
        >>> Schema.from_json(schema.to_json()) == schema
        True
        """
        tables = {t: {c: asdict(s) for c, s in table.columns.items()} for t, table in self.tables.items()}
        known = {
            t: {"rules": [dict(r) for r in table.rules], "veto": list(table.veto)}
            for t, table in self.tables.items()
            if table.rules or table.veto
        }
        return {"tables": tables, "links": [asdict(link) for link in self.links], **({"rules": known} if known else {})}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Schema:
        """Read what `to_json` wrote; an `InputError` says what does not fit."""
        try:
            known = value.get("rules", {})
            tables = {
                str(t): TableSchema(
                    {str(c): ColumnSchema(**{**s, "roles": tuple(s.get("roles", ()))}) for c, s in columns.items()},
                    tuple(dict(r) for r in known.get(t, {}).get("rules", ())),
                    tuple(map(str, known.get(t, {}).get("veto", ()))),
                )
                for t, columns in value["tables"].items()
            }
            return cls(tables, tuple(Link(**link) for link in value.get("links", ())))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this is no Seedstock schema: {error}; write one with `seedstock check --json`") from None
