"""What columns hold about people, told from their values; a column's name only helps where values leave it open."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.network.types import is_address
from seedstock.personal.words import FIRST, LAST, PLACEHOLDERS

SEEN = 2_000
"""Distinct values that are looked at."""
MOST = 0.8
"""Share of them that must be of a kind."""
KINDS = ("email", "phone", "social security number", "card number", "iban", "street address", "name", "first name",
         "last name")  # fmt: skip

EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}")
_PHONE = re.compile(r"(?:\+|00)?[\d\s()./-]{7,24}(?:\s*(?:x|ext\.?)\s*\d{1,6})?", re.I)
_PHONE_SURE = re.compile(
    r"\+\d[\d\s()./-]{6,20}.*|(?:\+?1[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]\d{4}(?:\s*(?:x|ext\.?)\s*\d+)?",
    re.I,
)
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
_PART = r"(?:[^\W\d_][^\W\d_]*(?:['\u2019-][^\W\d_]+)*\.?)"
_PERSON = re.compile(rf"{_PART}(?:,?\s+{_PART}){{1,4}}")
_WORD = re.compile(rf"{_PART}(?:\s{_PART})?")
_STREET = re.compile(
    r"(?=.*\d).*\b(?:st|street|ave|avenue|rd|road|ln|lane|dr|drive|blvd|boulevard|ct|court|way|pl|place|ter|terrace|hwy|pkwy"
    r"|close|crescent|square|sq|rue|via|calle|avenida|av|rua|plaza|strada|ulica|ul|gata?n?|apt|suite|box)\b.*"
    r"|.*(?:stra(?:ß|ss)e|str\.|weg|gasse|platz|allee|straat|gatan|vej|vei)\s*\d.*", re.I
)  # fmt: skip
_HAS_STREET = re.compile(r"(?=.*\d)(?=.*[^\W\d_]{2}).*\s.*")


def _hint(*words: str) -> Callable[[str], bool]:
    pattern = re.compile(
        rf"(?:.*[_\s.-])?(?:{'|'.join(words)})(?:[_\s.-]?(?:\d+|no|nr|num|number|home|work|line\d?))*", re.I
    )
    split = re.compile(r"(?<=[a-z])(?=[A-Z])")
    return lambda name: pattern.fullmatch(split.sub("_", name.strip())) is not None


_PHONE_NAME = _hint(
    "phone", "tel", "telephone", "mobile", "cell", "cellphone", "fax", "telefon", "handy", "contact_?no"
)
_SSN_NAME = _hint("ssn", "social_?security", "social_?security_?number")
_CARD_NAME = _hint("card", "credit_?card", "cc", "pan", "card_?number")
_FIRST_NAME = _hint("first_?name", "given_?name", "fore_?name", "fname", "vorname", "prenom", "middle_?name")
_LAST_NAME = _hint("last_?name", "sur_?name", "family_?name", "lname", "nachname", "nom", "maiden_?name")
_PERSON_NAME = _hint(
    "full_?name",
    "person",
    "(?:customer|client|patient|employee|contact|holder|person|owner|member|student|user|cardholder|doctor|author)_?name",
)
_ANY_NAME = _hint(
    "name", "customer", "client", "patient", "employee", "contact", "owner", "holder", "author", "doctor", "manager"
)
_STREET_NAME = _hint("address", "addr", "street", "street_?address", "strasse", "adresse", "address_?line")
_FIRST, _LAST = {w.lower() for w in FIRST}, {w.lower() for w in LAST}


def kind_of(column: Column, schema: ColumnSchema, name: str) -> str | None:
    """Return what a column holds about people, one of `KINDS`, or None.

    >>> of = lambda name, *texts: kind_of(Column.of_texts(texts), ColumnSchema("category"), name)
    >>> of("a", "ann@bank.com", "bob@web.de"), of("b", "+49 30 1234567", "(415) 555-2671"), of("c", "Private", "Other")
    ('email', 'phone', None)
    >>> of("d", "Ann Smith", "John Brown", "Wei Chen"), of("city", "New York", "San Jose", "Los Angeles")
    ('name', None)
    """
    if column.values.ndim > 1 or schema.kind not in ("category", "text", "id", "number"):
        return None
    if column.levels is None:
        return _of_numbers(column, name)
    used = np.unique(column.values[~column.missing])[:SEEN]
    texts = [str(t).strip() for t in column.levels[used]] if len(used) else []
    texts = [t[:200] for t in texts if t.lower() not in PLACEHOLDERS and t]
    if not texts:
        return None
    return next((kind for kind, test in _TESTS if test(texts, name)), None)


def is_card(digits: str) -> bool:
    """Tell whether digits pass the check of card numbers (ISO/IEC 7812-1, Luhn).

    >>> is_card("4539578763621486"), is_card("4539578763621487")
    (True, False)
    """
    total = sum(d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(map(int, digits[::-1])))
    return 13 <= len(digits) <= 19 and total % 10 == 0


def is_iban(text: str) -> bool:
    """Tell whether a text passes the check of bank account numbers (ISO 13616, modulo 97).

    >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    if not _IBAN.fullmatch(text):
        return False
    plain = text.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _share(texts: Sequence[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(t)) for t in texts) / len(texts)


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal() and c.isascii())


def _is_phone(text: str) -> bool:
    return _PHONE.fullmatch(text) is not None and 7 <= len(_digits(text)) <= 20 and not is_address(text)


def _phones(texts: Sequence[str], name: str) -> bool:
    if _PHONE_NAME(name):
        return _share(texts, _is_phone) >= MOST
    return _share(texts, lambda t: _PHONE_SURE.fullmatch(t) and _is_phone(t)) >= MOST


def _known(text: str) -> bool:
    last, comma, rest = text.partition(",")
    parts = (rest if comma else last).split()
    return bool(parts) and parts[0].strip(".").lower() in _FIRST


def _surnamed(text: str) -> bool:
    last, comma, _ = text.partition(",")
    return (last if comma else text.split()[-1]).strip().lower() in _LAST


def _people(texts: Sequence[str], name: str) -> bool:
    shaped = _share(texts, lambda t: _PERSON.fullmatch(t) and t != t.lower())
    if shaped < MOST:
        return False
    if _PERSON_NAME(name):
        return True
    known = _share(texts, _known)
    if _ANY_NAME(name):
        return known >= 0.1 and len(texts) >= 3
    # Rose Garden and Mark Pen are products: of few values, the last words must be known as well.
    return known >= 0.3 and len(texts) >= 3 and (len(texts) >= 20 or _share(texts, _surnamed) >= 0.3)


def _single(texts: Sequence[str], name: str, told: Callable[[str], bool], hint: str, known: set[str]) -> bool:
    shaped = _share(texts, _WORD.fullmatch)
    if told(name):
        return shaped >= 0.6
    least = 0.15 if hint in _words_of(name) else 0.5
    return len(texts) >= 10 and shaped >= MOST and _share(texts, lambda t: t.lower() in known) >= least


def _words_of(name: str) -> list[str]:
    return re.split(r"[\s_.-]+", name.strip().lower())


def _streets(texts: Sequence[str], name: str) -> bool:
    if _share(texts, is_address) > 0.2:
        return False
    if _STREET_NAME(name):
        return _share(texts, _HAS_STREET.fullmatch) >= 0.6
    here = [t for t in texts if len(t) <= 100]
    return (
        len(here) >= MOST * len(texts) and _share(here, lambda t: _STREET.fullmatch(t) and t.count(" ") <= 12) >= MOST
    )


_TESTS: tuple[tuple[str, Callable[[Sequence[str], str], bool]], ...] = (
    ("email", lambda texts, name: _share(texts, EMAIL.fullmatch) >= 0.5),
    ("iban", lambda texts, name: _share(texts, is_iban) >= MOST),
    ("social security number", lambda texts, name: _share(texts, _SSN.fullmatch) >= MOST
        or (_SSN_NAME(name) and _share(texts, lambda t: len(_digits(t)) == 9) >= MOST)),
    ("card number", lambda texts, name: _share(texts, lambda t: _CARD.fullmatch(t) and (
        is_card(_digits(t)) or _CARD_NAME(name))) >= MOST),
    ("phone", _phones),
    ("street address", _streets),
    ("first name", lambda texts, name: _single(texts, name, _FIRST_NAME, "first", _FIRST)),
    ("last name", lambda texts, name: _single(texts, name, _LAST_NAME, "last", _LAST)),
    ("name", _people),
)  # fmt: skip


def _of_numbers(column: Column, name: str) -> str | None:
    here = column.values[~column.missing]
    if not len(here) or here.dtype.kind not in "iu" or int(here.min()) < 0:
        return None
    lengths = np.array([len(str(v)) for v in np.unique(here)[:SEEN].tolist()])
    tests = (
        ("phone", _PHONE_NAME, 7, 15),
        ("social security number", _SSN_NAME, 8, 9),
        ("card number", _CARD_NAME, 13, 19),
    )
    return next(
        (k for k, told, low, high in tests if told(name) and ((lengths >= low) & (lengths <= high)).mean() >= MOST),
        None,
    )
