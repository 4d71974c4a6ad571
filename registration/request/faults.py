"""What is wrong with a body, every fault at once; and pydantic's findings as such faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from registration.request.sentences import plain
from shared.assets import CREDENTIAL_TAGS
from shared.errors import Fault, RequestError

MAX_FAULTS, ENOUGH = 100, 1000
MAX_TARGET = 200
_SECRETS = ("client_secret", "certificate", "account_key", "sas_token")
_NO_AUTO_DELETE = (
    "Azure's definition of a data version has no such field: nothing would ever be deleted by it; leave it out"
)

M = TypeVar("M", bound=BaseModel)


@dataclass
class Faults:
    """Everything that is wrong with one body. `rename` turns a path of the registration into the caller's own; `thing`
    is what the body is."""

    rename: Callable[[str], str] = str
    thing: str = "registration"
    found: list[Fault] = field(default_factory=list)

    @property
    def enough(self) -> bool:
        """So many that looking further helps nobody, and costs time."""
        return len(self.found) > ENOUGH

    def add(self, target: str, message: str, code: str = "InvalidField") -> None:
        self.found.append(Fault(code, message, self.rename(target)[:MAX_TARGET]))

    def raise_if_any(self) -> None:
        if not self.found:
            return
        count = len(self.found)
        shown = self.found[:MAX_FAULTS]
        if count > MAX_FAULTS:
            shown = [*shown, Fault("MoreFaults", f"… and {count - MAX_FAULTS} more.")]
        number = f"more than {ENOUGH}" if self.enough else str(count)
        message = f"The {self.thing} has {number} fault{'s' if count > 1 else ''}; nothing was stored."
        raise RequestError(400, f"Invalid{self.thing.title()}", message, shown, shown[0].target)


def items(model: type[M], entries: Mapping[int, Any], part: str, faults: Faults) -> list[tuple[int, M]]:
    """(place, entry) of those that are valid; `part` is the list's name."""
    found = []
    for place, entry in entries.items():
        if faults.enough:
            break
        try:
            found.append((place, model.model_validate(entry)))
        except ValidationError as error:
            for target, message, code in _sentences(error):
                faults.add(f"{part}[{place}]{target}", message, code)
    return found


def _sentences(error: ValidationError) -> list[tuple[str, str, str]]:
    """Path, sentence and code of each fault. What was sent is never repeated: it may be a secret."""
    found: dict[str, tuple[str, str]] = {}
    for fault in error.errors(include_url=False, include_input=False):
        names = [part for part in fault["loc"] if not (isinstance(part, str) and "[" in part)]
        names = [part for number, part in enumerate(names) if not (part in CREDENTIAL_TAGS and number == 1)]
        names = [part for part in names if part != "KeyVaultSecret"]
        target = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in names)
        secret = re.match(rf"\.credentials\.({'|'.join(_SECRETS)})", target)
        if secret is not None and fault["type"] == "extra_forbidden" and target == secret[0]:
            found[secret[0]] = ("this field does not belong to credentials of this kind", "UnknownField")
        elif secret is not None and fault["type"] != "missing":
            message = "a secret is given by reference: {key_vault_secret: <name>}, never in clear"
            found[secret[0]] = (message, "SecretInClear")
        elif fault["type"] == "extra_forbidden" and target == ".auto_delete_setting":
            found[target] = (_NO_AUTO_DELETE, "UnknownField")
        elif fault["type"] == "extra_forbidden":
            found[target] = ("there is no such field here", "UnknownField")
        elif fault["type"] == "missing":
            found[target] = ("this field is needed", "MissingField")
        elif fault["type"] == "model_type":
            found.setdefault(target, ("this is an object", "InvalidField"))
        else:
            found[target] = (plain(fault), "InvalidField")
    return [(target, message, code) for target, (message, code) in found.items()]


def no_twins(keys: Sequence[tuple[int, Hashable]], part: str, what: str, faults: Faults) -> None:
    """No key twice. `keys`: (place in the list, key)."""
    first: dict[Hashable, int] = {}
    for place, key in keys:
        if key in first:
            faults.add(f"{part}[{place}]", f"{what} stands at {part}[{first[key]}] already", "Duplicate")
        first.setdefault(key, place)
