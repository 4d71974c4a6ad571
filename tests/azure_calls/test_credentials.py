"""A kept token: asked for once, given as long as it lives, and a refusal shared by all who waited for it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.credentials import FRESH, KeptToken
from tests.support import eventually

SCOPE = "https://management.azure.com/.default"


class Entra:
    """Gives tokens that live for so many seconds; or is away."""

    def __init__(self, *lives: float) -> None:
        self.lives = list(lives)
        self.asked: list[dict[str, Any]] = []
        self.away = False
        self.open = Event()
        self.open.set()

    def get_token(self, *_: str, **options: Any) -> AccessToken:
        self.asked.append(options)
        number = len(self.asked)
        assert self.open.wait(30)
        if self.away:
            raise ClientAuthenticationError(f"refused, at call {number}")
        return AccessToken(f"token {number}", int(time.time() + self.lives.pop(0)))


def test_it_is_asked_for_once_until_it_grows_old() -> None:
    entra = Entra(FRESH - 60, 3600)
    kept = KeptToken(entra)
    assert [kept.get_token(SCOPE).token for _ in range(3)] == ["token 1", "token 2", "token 2"]


def test_one_that_azure_refused_is_replaced() -> None:
    entra = Entra(3600, 3600)
    kept = KeptToken(entra)
    kept.get_token(SCOPE)
    assert kept.get_token(SCOPE, claims="{}").token == "token 2"
    assert kept.get_token(SCOPE).token == "token 2"
    assert entra.asked == [{}, {"claims": "{}"}]


def test_while_it_lives_trouble_with_the_next_one_is_nobodys_trouble() -> None:
    entra = Entra(FRESH - 60)
    kept = KeptToken(entra)
    kept.get_token(SCOPE)
    entra.away = True
    assert kept.get_token(SCOPE).token == "token 1"
    with pytest.raises(ClientAuthenticationError):
        kept.get_token(SCOPE, claims="{}")


def test_one_that_has_run_out_is_given_to_nobody() -> None:
    entra = Entra(-1)
    kept = KeptToken(entra)
    kept.get_token(SCOPE)
    entra.away = True
    with pytest.raises(ClientAuthenticationError):
        kept.get_token(SCOPE)


def test_who_waited_for_a_refusal_does_not_ask_again_but_who_comes_later_does() -> None:
    """Each try may take half a minute: one after another, thirty-two threads would wait for a quarter of an hour."""
    entra = Entra(3600)
    kept = KeptToken(entra)
    entra.away = True
    entra.open.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(kept.get_token, SCOPE)
        eventually(lambda: entra.asked)
        others = [pool.submit(kept.get_token, SCOPE) for _ in range(7)]
        [asking] = kept._asking.values()
        eventually(lambda: len(asking._condition._waiters) == 7)  # type: ignore[attr-defined]
        entra.open.set()
        errors = [call.exception() for call in (first, *others)]
    assert {str(error) for error in errors} == {"refused, at call 1"}
    entra.away = False
    assert kept.get_token(SCOPE).token == "token 2"
