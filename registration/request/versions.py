"""Which version a data asset gets when the registration leaves that to the service.

Left out: kept as long as type and path stay the same (of a defined table, also its MLTable file), else a new one.
`new`: a new one per accepted request. A version that the service makes is a UTC time in milliseconds, fixed once per
operation, the same in every workspace.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from registration.request.document import NEW, Registration
from registration.request.tables import table_of
from shared.assets import Data


def time_version(now: datetime) -> str:
    """`20260102T020000123Z`."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z"


def _content(data: Data, registration: Registration) -> tuple[object, ...]:
    """What a version stands for."""
    return data.name.lower(), data.type, data.registered_path, table_of(data, registration.datastores)


def with_versions(request: Registration, stored: Registration | None, now: datetime) -> Registration:
    """`request` with every version fixed. `stored` is what the same registration said before."""
    kept = {_content(data, stored): data.version for data in stored.data} if stored else {}
    made = time_version(now)

    def fixed(data: Data) -> Data:
        if data.version is None:
            version = kept.get(_content(data, request)) or made
        elif data.version == NEW:
            version = made
        else:
            return data
        return data.model_copy(update={"version": version})

    return replace(request, data=tuple(fixed(data) for data in request.data))
