"""TLS for the local Azure: a CA of its own and one server certificate for loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = dt.timedelta(days=90)
_ISSUER, _SUBJECT = "Local Azure CA", "Local Azure"
_HOSTS = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
_OTHER_USES = "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"
_NOT_USED = dict.fromkeys([*_OTHER_USES, "encipher_only", "decipher_only"], False)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files. `ca` holds our CA and nothing else: a client that trusts it trusts no one outside."""

    ca: Path
    certificate: Path
    key: Path


def make(directory: Path) -> Certificates:
    """Write `ca.pem`, `server.pem` and `server.key` (mode 600); the CA's own key is forgotten at once."""
    paths = Certificates(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _builder(_ISSUER, ca_key, ca_key, is_ca=True)
    server = (
        _builder(_SUBJECT, key, ca_key, is_ca=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_HOSTS), critical=False)
    )
    paths.ca.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    paths.certificate.write_bytes(server.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    paths.key.touch(mode=0o600)
    paths.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def _builder(
    name: str, key: ec.EllipticCurvePrivateKey, ca_key: ec.EllipticCurvePrivateKey, *, is_ca: bool
) -> x509.CertificateBuilder:
    """With the extensions that Python 3.13's `VERIFY_X509_STRICT` (RFC 5280) asks for."""
    now = dt.datetime.now(dt.UTC)
    constraints = x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None)
    usage = x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, **_NOT_USED)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        x509.CertificateBuilder(_name(_ISSUER), _name(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
        .add_extension(constraints, critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(authority, critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
