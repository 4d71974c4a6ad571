"""Every error of the service, in one tree.

RegistrarError
├── RequestError             the caller's fault: an HTTP status, a code, every fault of the request
├── Misconfigured            a setting is missing or wrong; names the setting
├── Permanent                trying again cannot help
│   ├── AzureRefused         Azure said no: status, code and message are its own
│   └── Damaged              a stored document cannot be read
└── Temporary                trying again may help; knows how long to wait
    ├── AzureBusy            408, 429, 5xx or a network error of Azure
    │   └── Throttled        our own throttle has no token for so long
    ├── Changed              a document changed since it was read (its ETag no longer matches)
    ├── LeaseBusy            another worker holds the workspace
    └── LeaseLost            the lease ran out under our hands
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class RegistrarError(Exception):
    """Base of all errors below."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request. `target` is the path of the field, as in `data[0].path`."""

    code: str
    message: str
    target: str | None = None

    def as_json(self) -> dict[str, str]:
        body = {"code": self.code, "message": self.message}
        return body if self.target is None else {**body, "target": self.target}


class RequestError(RegistrarError):
    """The answer to a request that is refused, in the form of Azure's REST guidelines."""

    def __init__(
        self, status: int, code: str, message: str, faults: Iterable[Fault] = (), target: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.fault = Fault(code, message, target)
        self.faults = tuple(faults)

    def as_json(self) -> dict[str, object]:
        return {"error": {**self.fault.as_json(), "details": [fault.as_json() for fault in self.faults]}}


class Misconfigured(RegistrarError):
    """A setting is missing or wrong. The message names settings, never their values."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class Permanent(RegistrarError):
    """Trying again cannot help. `code` and `message` are fit for the caller's eyes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class AzureRefused(Permanent):
    """Azure refused for good: any 4xx but 408 and 429."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code, message)
        self.status = status


class Damaged(Permanent):
    """A stored document cannot be read."""

    def __init__(self, name: str) -> None:
        super().__init__("DocumentDamaged", f"The stored document '{name}' is damaged and cannot be read.")
        self.document = name


class Temporary(RegistrarError):
    """Trying again may help. `delay` is in seconds; None leaves it to whoever tries again."""

    def __init__(self, code: str, message: str, delay: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.delay = delay


class AzureBusy(Temporary):
    """Azure did not answer, or answered 408, 429 or 5xx, more often than we try at once."""


class Throttled(AzureBusy):
    """Our own throttle made a call wait longer than it may: no fault of the work, and not counted against it."""


class Changed(Temporary):
    """A document changed since it was read."""

    def __init__(self, name: str) -> None:
        super().__init__("DocumentChanged", f"The stored document '{name}' changed meanwhile.")


class LeaseBusy(Temporary):
    """Another worker holds the lease."""

    def __init__(self, name: str) -> None:
        super().__init__("LeaseBusy", f"'{name}' is being worked on.")


class LeaseLost(Temporary):
    """The lease ran out, or was taken, while it was held."""

    def __init__(self, name: str) -> None:
        super().__init__("LeaseLost", f"The lease on '{name}' was lost.")
