"""Keyed functions of short texts: equal inputs and keys give equal outputs, and without the key nobody goes back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

_VOWELS, _CONSONANTS, _DIGITS, _HEX = "aeiou", "bcdfghjklmnpqrstvwxz", "0123456789", "0123456789abcdef"


@dataclass(frozen=True)
class Keyed:
    """Pseudorandom functions under one secret key.

    Attributes
    ----------
    key : bytes, at most 64

    Examples
    --------
    >>> a, b = Keyed(b"k"), Keyed(b"k")
    >>> a.integer("x", 1000) == b.integer("x", 1000), a.word("mail2") == Keyed(b"other").word("mail2")
    (True, False)
    """

    key: bytes = field(repr=False)

    def bits(self, text: str) -> int:
        """Return 128 bits for a text."""
        return int.from_bytes(hashlib.blake2b(text.encode(), key=self.key, digest_size=16).digest(), "big")

    def integer(self, text: str, below: int) -> int:
        """Return a number from 0 to ``below - 1`` for a text."""
        return self.bits(text) % below

    def order(self, text: str, k: int) -> tuple[int, ...]:
        """Return a permutation of 0..k-1 for a text."""
        return _order(self, text, k)

    def octet(self, value: int, text: str) -> int:
        """Return a number from 1 to 254 for one of them: a permutation, another one for each text.

        Source: Luby and Rackoff (1988), four rounds over two half octets, walked until the result is in range (Black
        and Rogaway 2002).
        """
        rounds = _rounds(self, text)
        while True:
            for key in rounds:
                value = (value & 15) << 4 | (value >> 4) ^ key[value & 15]
            if 0 < value < 255:
                return value

    def prefixed(self, value: int, width: int, text: str) -> int:
        """Return `value` (of `width` bits) such that two values share as many leading bits as before.

        Source: Xu, Fan, Ammar and Moon, Prefix-preserving IP address anonymization (2002), theorem 1: each bit is
        turned or not by a keyed function of the bits before it.
        """
        out = done = 0
        while done < width:
            bits = min(8, width - done)
            part = value >> (width - done - bits) & ((1 << bits) - 1)
            turns = _turns(self, f"{text}/{done}/{value >> (width - done)}")
            for i in range(bits - 1, -1, -1):
                # One bit for each beginning of the part: 1, 10, 11, 100, ...
                node = 1 << (bits - 1 - i) | part >> (i + 1)
                out = out << 1 | (part >> i & 1) ^ (turns >> node & 1)
            done += bits
        return out

    def word(self, text: str, attempt: int = 0) -> str:
        """Return a text of the same shape: letters for letters, digits for digits, the rest as it is."""
        state = self.bits(f"word/{attempt}/{text.lower()}")
        hexadecimal = len(text) >= 8 and all(c in _HEX for c in text.lower())
        out = []
        for i, c in enumerate(text):
            if i % 20 == 19:
                state = self.bits(f"word/{attempt}/{i}/{text.lower()}")
            low = c.lower()
            alphabet = _alphabet(low, hexadecimal)
            if alphabet:
                state, k = divmod(state, len(alphabet))
                low = alphabet[k]
            out.append(low.upper() if c.isupper() else low)
        return "".join(out)


def _alphabet(c: str, hexadecimal: bool) -> str:
    if not c.isalnum():
        return ""
    if hexadecimal:
        return _HEX
    if c.isdigit():
        return _DIGITS
    return _VOWELS if c in _VOWELS else _CONSONANTS


@lru_cache(maxsize=65_536)
def _turns(keyed: Keyed, text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), key=keyed.key, digest_size=32).digest(), "big")


@lru_cache(maxsize=65_536)
def _rounds(keyed: Keyed, text: str) -> tuple[bytes, ...]:
    stream = hashlib.blake2b(f"octet/{text}".encode(), key=keyed.key, digest_size=64).digest()
    return tuple(bytes(b & 15 for b in stream[16 * i : 16 * i + 16]) for i in range(4))


@lru_cache(maxsize=65_536)
def _order(keyed: Keyed, text: str, k: int) -> tuple[int, ...]:
    stream = hashlib.shake_128(keyed.bits(f"order/{text}").to_bytes(16, "big")).digest(4 * k)
    return tuple(sorted(range(k), key=lambda i: stream[4 * i : 4 * i + 4]))


@dataclass(frozen=True)
class Distinct:
    """A map to pseudonyms that gives no two inputs the same: those that would are tried again.

    Attributes
    ----------
    make : callable
        (input, attempt) -> pseudonym.
    """

    make: Callable[[str, int], str]
    known: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    attempts: int = 64

    def __call__(self, text: str) -> str:
        out = self.known.get(text)
        if out is None:
            for attempt in range(self.attempts):
                out = self.make(text, attempt)
                if out not in self.used:
                    break
            assert out is not None
            self.known[text] = out
            self.used.add(out)
        return out
