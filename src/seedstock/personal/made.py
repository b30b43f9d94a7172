"""Stand-ins for data about people: plausible, and made of nothing but a keyed number.

They come from Faker where it is installed (the extra ``faker``), and from own lists of words otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from seedstock.network.keyed import Keyed
from seedstock.personal.types import is_card
from seedstock.personal.words import ENDINGS, FIRST, LAST, STREETS, SYLLABLES, TAILS

_COMMON_TRIES = 6
"""Tries among the usual words; after these, words are made of syllables."""


@dataclass(frozen=True, eq=False)
class StandIns:
    """Makes a stand-in for a text: the same one for the same key, kind, text and attempt.

    Attributes
    ----------
    keyed : Keyed
    plain : bool
        Whether to do without Faker, although it is installed.

    Examples
    --------
    >>> made = StandIns(Keyed(b"key"), plain=True)
    >>> made("phone", "+49 30 1234567")[:4], made("email", "ann@bank.com").endswith(".example")
    ('+49 ', True)
    """

    keyed: Keyed
    plain: bool = False
    by: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", "own lists" if self.plain or _faker() is None else f"Faker {_version()}")

    def __call__(self, kind: str, text: str, attempt: int = 0) -> str:
        """Return the stand-in of a text of a kind."""
        seed = f"{kind}/{attempt}/{text.strip().lower()}"
        if kind == "email":
            return self._email(text, seed, attempt)
        if kind == "street address":
            return self._address(seed, attempt)
        if kind in ("name", "first name", "last name"):
            return self._person(kind, text, seed, attempt)
        return self.digits(kind, text, seed)

    def digits(self, kind: str, text: str, seed: str) -> str:
        """Return other digits in the same places: of phones after the country's code, else such as are not issued."""
        state = self.keyed.bits(seed) | self.keyed.bits(f"more/{seed}") << 128
        total = sum(c.isdecimal() for c in text)
        kept = 0
        if kind == "phone":
            head = re.match(r"\s*(?:\+|00)(\d{1,2})", text)
            leads = 1 if total == 11 and text.lstrip()[:1] == "1" else 0
            kept = min(len(head[0].replace("+", "").strip()) if head else leads, max(total - 7, 0))
        seen, out = 0, []
        for c in text:
            if not c.isalnum():
                out.append(c)
                continue
            state, k = divmod(state, 26)
            if c.isdecimal():
                # A number must stay as long as it is.
                out.append(c if seen < kept else str(k % 9 + 1) if not seen - kept else str(k % 10))
                seen += 1
            else:
                out.append(c if kind != "iban" or len(out) < 2 else chr(65 + k))
        return _nobodys(kind, out)

    def _email(self, text: str, seed: str, attempt: int) -> str:
        host = text.rpartition("@")[2].strip().lower() if "@" in text else "mail"
        first, last = self._name(seed, attempt)
        number = self.keyed.integer(f"number/{seed}", 100 if attempt < _COMMON_TRIES else 10**9)
        local = re.sub(r"[^a-z.]", "", f"{first}.{last}".lower())
        return f"{local}{number}@{self.keyed.word(f'{_pure(host)}')[:20]}.example"

    def _address(self, seed: str, attempt: int) -> str:
        number = 1 + self.keyed.integer(f"house/{seed}", 240 if attempt < _COMMON_TRIES else 99_999)
        if (fake := self._seeded(seed)) is not None:
            return str(fake.street_address())
        street = STREETS[self.keyed.integer(f"street/{seed}", len(STREETS))]
        return f"{number} {street} {ENDINGS[self.keyed.integer(f'ending/{seed}', len(ENDINGS))]}"

    def _person(self, kind: str, text: str, seed: str, attempt: int) -> str:
        first, last = self._name(seed, attempt)
        if kind == "name":
            return f"{last}, {first}" if "," in text else f"{first} {last}"
        return first if kind == "first name" else last

    def _name(self, seed: str, attempt: int) -> tuple[str, str]:
        if attempt >= _COMMON_TRIES:
            return self._invented(f"first/{seed}"), self._invented(f"last/{seed}")
        if (fake := self._seeded(seed)) is not None:
            return str(fake.first_name()), str(fake.last_name())
        k = self.keyed
        return FIRST[k.integer(f"first/{seed}", len(FIRST))], LAST[k.integer(f"last/{seed}", len(LAST))]

    def _invented(self, seed: str) -> str:
        state, parts = self.keyed.bits(seed), []
        for _ in range(2 + state % 2):
            state, k = divmod(state, len(SYLLABLES))
            parts.append(SYLLABLES[k])
        return ("".join(parts) + TAILS[state % len(TAILS)]).capitalize()

    def _seeded(self, seed: str) -> Any:
        if self.plain or (fake := _faker()) is None:
            return None
        fake.seed_instance(self.keyed.bits(f"faker/{seed}"))
        return fake


@cache
def _faker() -> Any:
    try:
        from faker import Faker
    except ImportError:
        return None
    return Faker("en_US", use_weighting=False)


def _version() -> str:
    from importlib.metadata import version

    return version("faker")


def _pure(host: str) -> str:
    return re.sub(r"[^a-z]", "", host.rpartition(".")[0]) or "mail"


def _nobodys(kind: str, out: list[str]) -> str:
    """Return digits that are nobody's: areas that are not issued, and check digits that fail."""
    places = [i for i, c in enumerate(out) if c.isdecimal()]
    if kind == "social security number" and len(places) == 9:
        for i in places[:3]:
            out[i] = "6"
    elif kind == "card number" and is_card("".join(out[i] for i in places)):
        out[places[-1]] = str((int(out[places[-1]]) + 1) % 10)
    elif kind == "iban" and len(places) >= 2:
        # Check digits 00 and 01 are never in use.
        out[places[0]] = "0"
        out[places[1]] = "0"
    return "".join(out)
