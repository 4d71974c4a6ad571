"""Resource Manager's token buckets (Microsoft Learn, "request limits and throttling").

One per subscription, caller and kind of call: reads 250 + 25/s, writes and deletes 200 + 10/s.
"""

import math
import time
from collections.abc import Callable

from local.azure.answers import AzureError, Headers

LIMITS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}  # burst, per second


def kind_of(method: str) -> str:
    return {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")


class Throttle:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.on = dict(LIMITS), True
        self._clock = clock
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}  # tokens, filled when

    def reset(self) -> None:
        self._buckets.clear()

    def take(self, subscription: str, caller: str, kind: str) -> Headers:
        """Take one token and say what remains. Raises AzureError 429 with Retry-After when there is none."""
        burst, rate = self.limits[kind]
        key, now = (subscription.lower(), caller, kind), self._clock()
        tokens, since = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + (now - since) * rate) if self.on else burst
        name = f"x-ms-ratelimit-remaining-subscription-{kind}"
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            wait = math.ceil((1 - tokens) / rate)
            text = f"Number of '{kind}' requests for subscription '{subscription}' actor '{caller}' exceeded. "
            text += f"Please try again after '{wait}' seconds after additional tokens are available."
            headers = (("Retry-After", str(wait)), (name, "0"))
            raise AzureError(429, "SubscriptionRequestsThrottled", text, headers=headers)
        self._buckets[key] = (tokens - 1, now)
        return ((name, str(int(tokens - 1))),)
