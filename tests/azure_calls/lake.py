"""The local lake as its owner sees it: by the account's key, past every role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerClient

from local import azurite
from local.azure.entra import WRITE_BLOB
from tests.support import LocalStack


class LocalLake:
    """The container `silver` of the account `sourcedata`."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._app = stack.description["identities"]["app"]["object_id"]
        self.container = ContainerClient(
            stack.description["lake"],
            "silver",
            credential=azurite.KEY,
            connection_verify=stack.description["ca"],
        )
        with suppress(ResourceExistsError):
            self.container.create_container()

    @contextmanager
    def writable(self) -> Iterator[None]:
        """The app has the role meanwhile, as if somebody had assigned it."""
        own = self._stack.config["assignments"][self._app]
        self._roles([*own, WRITE_BLOB])
        try:
            yield
        finally:
            self._roles(None)

    def _roles(self, actions: list[str] | None) -> None:
        self._stack.emulator("PATCH", "settings", {"roles": {self._app: actions}})

    def read(self, path: str) -> str | None:
        """The file's text, None where there is none."""
        if not self.container.get_blob_client(path).exists():
            return None
        return str(self.container.download_blob(path, encoding="utf-8").readall())

    def etag(self, path: str) -> str:
        return str(self.container.get_blob_client(path).get_blob_properties().etag)

    def put(self, path: str, text: str, metadata: dict[str, str] | None = None) -> None:
        """As anybody else writes there."""
        self.container.upload_blob(path, text.encode(), overwrite=True, metadata=metadata)
