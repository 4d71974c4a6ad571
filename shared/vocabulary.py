"""The rules that names and texts of assets have in common.

Patterns and lengths are those of Microsoft's REST definition (2024-04-01) unless a line says otherwise.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

MAX_VERSION_LENGTH = 30
"""The service has refused longer ones (azureml-assets, issue 295)."""


class Model(BaseModel):
    """Frozen, strict about types, and closed to fields that it does not have."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def _asset_name(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}", name):
        raise ValueError("a name has 1 to 255 letters, digits, - and _, and begins with a letter or digit")
    return name


def _version(version: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", version) or ".." in version:
        raise ValueError("a version has letters, digits, - _ and single dots, and begins with a letter or digit")
    if len(version) > MAX_VERSION_LENGTH:
        raise ValueError(f"a version has at most {MAX_VERSION_LENGTH} characters")
    return version


def _digits(version: object) -> object:
    """YAML and JSON write versions as numbers too. A whole number is its digits; a float is not guessed at."""
    if isinstance(version, bool) or not isinstance(version, int | float):
        return version
    if isinstance(version, float):
        raise ValueError('write the version in quotes: a number such as 1.10 could mean "1.1" or "1.10"')
    return str(version)


def account_name(name: str) -> str:
    """Storage accounts: 3 to 24 lower-case letters and digits (Microsoft Learn, naming rules)."""
    if not re.fullmatch(r"[a-z0-9]{3,24}", name):
        raise ValueError("a storage account name has 3 to 24 lower-case letters and digits")
    return name


def container_name(name: str) -> str:
    """Containers and shares: 3 to 63 lower-case letters, digits, single hyphens inside (Microsoft Learn)."""
    if not re.fullmatch(r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]", name):
        raise ValueError("a container has 3 to 63 lower-case letters, digits and single hyphens inside")
    return name


def _text(text: str) -> str:
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        raise ValueError("control characters are not allowed here")
    return text


def _at_most(length: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > length:
            raise ValueError(f"at most {length} characters are taken here")
        return text

    return AfterValidator(check)


def _tag_name(name: str) -> str:
    if not 1 <= len(name) <= 512:
        raise ValueError("a tag's or property's name has 1 to 512 characters")
    return name


def _tag_value(value: object) -> object:
    """YAML's numbers and truth values are meant as text, which is all that Azure's definition has."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise ValueError('a tag or property is text, a number, true or false; an empty one is ""')
    return value


AssetName = Annotated[str, AfterValidator(_asset_name)]
Version = Annotated[str, BeforeValidator(_digits), AfterValidator(_version)]
Text = Annotated[str, AfterValidator(_text)]
Description = Annotated[Text, _at_most(10_000)]
Tags = dict[Annotated[Text, AfterValidator(_tag_name)], Annotated[Text, BeforeValidator(_tag_value), _at_most(8192)]]
