"""Which fields look like personal data, by what they hold and by how they are called; they get ``mask: true``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_NAMES = re.compile(
    r"(^|_)(e_?mail|phone|mobile|msisdn|ssn|iban|pan|cvv|cvc|passport|password|passwd|secret|token|birth_?(day|date)|"
    r"dob|(first|last|full|sur|given|family)_?name|card_?(no|number)|street|postal_?address)(_|$)"
)
_ENOUGH = 0.5
"""The share of values that must look so."""


def looks_personal(name: str, values: Sequence[Any]) -> str | None:
    """What it looks like, in words; None when like nothing of the sort.

    >>> looks_personal("contact", ["ann@example.com", "bob@example.org"])
    'e-mail addresses'
    >>> looks_personal("card", ["4111 1111 1111 1111"]), looks_personal("amount", [12.5])
    ('card numbers', None)
    """
    texts = [text for value in values if not isinstance(value, bool) and (text := _text(value))]
    for what, looks in (
        ("e-mail addresses", _is_mail),
        ("card numbers", _is_card),
        ("bank accounts", _is_iban),
    ):
        if texts and sum(map(looks, texts)) >= _ENOUGH * len(texts):
            return what
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return "personal data, by its name" if _NAMES.search(plain) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _is_mail(text: str) -> bool:
    return _MAIL.fullmatch(text) is not None


def _is_card(text: str) -> bool:
    """Length and check digit (Luhn), and no moment: milliseconds since 1970 have 13 digits too."""
    if not _CARD.fullmatch(text) or text[0] not in "3456":
        return False
    digits = [int(one) for one in reversed(text) if one.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[1::2]]
    return len(digits) >= 13 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """The international bank account number's check (ISO 13616): the remainder by 97 is one."""
    plain = text.replace(" ", "")
    if not _IBAN.fullmatch(plain):
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1
