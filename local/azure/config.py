"""What the process is told: the file that the supervisor writes."""

from pathlib import Path

from pydantic import BaseModel


class Ports(BaseModel):
    front: int
    host: int
    arm: int
    vault: int
    identity: int


class Identity(BaseModel):
    """A managed identity, and what it must send to its endpoint in X-IDENTITY-HEADER."""

    object_id: str
    client_id: str
    header: str
    roles: list[str] = []


class Config(BaseModel):
    """`workspaces` are `<subscription>/<group>/<name>`; `assignments` role actions by object id."""

    tenant_id: str
    client_id: str
    audience: str
    ports: Ports
    front_secret: str
    certificate: Path
    key: Path
    identities: dict[str, Identity]
    vault: dict[str, str]
    workspaces: list[str]
    assignments: dict[str, list[str]]
    auth: Path

    @property
    def arm_url(self) -> str:
        return f"https://127.0.0.1:{self.ports.arm}"

    @property
    def vault_resource(self) -> str:
        """A parent domain of 127.0.0.1, which is what Key Vault's client wants its challenge to name."""
        return f"https://0.0.1:{self.ports.vault}"

    @property
    def issuers(self) -> tuple[str, str]:
        """Of v1 and of v2 tokens."""
        return (
            f"https://sts.windows.net/{self.tenant_id}/",
            f"https://login.microsoftonline.com/{self.tenant_id}/v2.0",
        )
