"""What a body is in either form: how deep it may be nested, its numbers as they are written, how it is refused."""

from __future__ import annotations

import re
from typing import NoReturn

from shared.errors import Fault, RequestError

MAX_DEPTH = 32
"""Levels of nesting. A registration has six."""


class Written(float):
    """A number that knows how it was written: as text it keeps its digits, of `1.10` the nought, too."""

    _text: str

    def __new__(cls, text: str) -> Written:
        number = super().__new__(cls, re.sub(r"\.(?=inf|nan)", "", text.lower()))
        number._text = text
        return number

    def __str__(self) -> str:
        return self._text


def refuse(message: str) -> NoReturn:
    raise RequestError(400, "InvalidBody", message, [Fault("InvalidBody", message)])
