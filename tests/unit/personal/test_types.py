"""What is recognised as data about people, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.personal.types import is_card, is_iban, kind_of

_HIT = {
    "email": ("x", ["ann.lee@bank.com", "bob+1@web.co.uk", "c_d@x.org"]),
    "phone": ("x", ["+49 30 1234567", "+1 415 555 2671", "(415) 555-2671"]),
    "phone by its name": ("Mobile", ["0301234567", "0401234568"]),
    "social security number": ("x", ["123-45-6789", "234-56-7890"]),
    "card number": ("x", ["4539578763621486", "4111 1111 1111 1111"]),
    "iban": ("x", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"]),
    "street address": ("x", ["12 Oak Street", "4 High Road, Flat 2", "Hauptstrasse 5"]),
    "name": ("x", ["Ann Smith", "Wei Chen", "Maria Lopez-Diaz"]),
    "name by its column": ("patient_name", ["Xaqar Ploth", "Bolun Vrex"]),
    "name with a comma": ("x", ["Smith, Ann", "Chen, Wei", "Brown, John"]),
    "first name": ("firstName", ["Zorblax", "Ann"]),
    "last name": ("surname", ["Zorblax", "Smith"]),
}
_MISS = {
    "cities": ("city", ["New York", "San Jose", "Los Angeles", "St Paul", "Santa Maria"]),
    "products": ("product", ["Blue Lamp", "Rose Garden", "Mark Pen", "Jack Hammer", "Oak Table"]),
    "companies": ("company", ["Smith and Sons", "Acme Corp", "Delta Air Lines", "Baker Hughes", "Ford Motor"]),
    "colours": ("colour", ["Red", "Blue", "Green", "Black", "White", "Brown", "Gray", "Yellow", "Orange", "Rose"]),
    "codes": ("code", ["123-4567-89", "2024-01-31", "12-34-56"]),
    "dates": ("day", ["2024-01-31 10:00", "2024-02-01 11:30"]),
    "addresses of machines": ("phone", ["192.168.10.12", "10.10.10.120"]),
    "versions": ("x", ["1.2.3", "10.0.19041"]),
    "days": ("first", ["Yes", "No", "Maybe"]),
    "placeholders": ("name", ["unknown", "n/a", "-"]),
}  # fmt: skip


@pytest.mark.parametrize("case", _HIT)
def test_data_about_people_are_known(case: str) -> None:
    name, texts = _HIT[case]
    kind = kind_of(Column.of_texts(texts), ColumnSchema("category"), name)
    assert kind is not None
    assert case.startswith(kind)


@pytest.mark.parametrize("case", _MISS)
def test_other_data_are_left_alone(case: str) -> None:
    name, texts = _MISS[case]
    assert kind_of(Column.of_texts(texts), ColumnSchema("category"), name) is None


def test_numbers_need_a_telling_name() -> None:
    column = Column(np.array([4155552671, 4155552672], np.int64), np.zeros(2, bool))
    assert kind_of(column, ColumnSchema("number"), "phone") == "phone"
    assert kind_of(column, ColumnSchema("number"), "amount") is None
    short = Column(np.array([3, 4], np.int64), np.zeros(2, bool))
    assert kind_of(short, ColumnSchema("number"), "phone") is None, "a count of phones is no phone"


def test_check_digits_follow_the_standards() -> None:
    assert is_card("79927398713") is False, "too short for a card"
    assert sum(is_card(f"453957876362148{d}") for d in range(10)) == 1
    assert is_iban("GB82 WEST 1234 5698 7654 32")
    assert not is_iban("GB83 WEST 1234 5698 7654 32")
