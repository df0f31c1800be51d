"""TLS for clients with fixed addresses: an authority in a private folder, and a certificate for KIS's hosts."""

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from shlex import quote
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulator.private_files import private_folder, write_private

KIS_HOSTS: Final = ("openapi.koreainvestment.com", "openapivts.koreainvestment.com", "ops.koreainvestment.com")
"""Hosts of the real service, the paper service and both streams."""
_ALWAYS: Final = (*KIS_HOSTS, "localhost", "127.0.0.1", "::1")
_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)
"""A bot with a faked clock must find the certificates valid too."""

_KNOWN_FILES: Final = tuple(
    map(Path, ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"))
)
"""The authorities of Debian, Fedora and macOS, where OpenSSL names none."""

_Key = ec.EllipticCurvePrivateKey


class BadAuthorityError(ValueError):
    """The folder's authority cannot be used. The text gives reason and remedy."""


class Trust(NamedTuple):
    """What the server presents, and the files that a client trusts it by."""

    context: ssl.SSLContext
    authority: Path
    bundle: Path
    """The authority together with those of this machine: for variables that replace all others."""


def prepared(folder: Path, hosts: Iterable[str] = ()) -> Trust:
    """Return TLS for KIS's hosts, loopback and ``hosts``; the authority is made at the first start.

    Raises:
        BadAuthorityError: the authority is damaged, or was made without one of the hosts.
        OSError: the folder cannot be used.
    """
    private_folder(folder)
    names = tuple(dict.fromkeys((*_ALWAYS, *hosts)))
    key, authority = _authority(folder, names)
    _check_names(folder, authority, names)
    server_key = ec.generate_private_key(ec.SECP256R1())
    chain = folder / "server.pem"
    write_private(chain, _pem_of(server_key) + _pem(_server(names, server_key, key, authority)))
    bundle = folder / "bundle.pem"
    write_private(bundle, _authorities_here() + _pem(authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Trust(context, folder / "ca.pem", bundle)


def how_to_trust(trust: Trust, scheme_of_streams: str) -> str:
    """Return what a user does to let a bot with KIS's own addresses come here."""
    bundle, authority = quote(str(trust.bundle)), quote(str(trust.authority))
    return f"""\
TLS by an authority of this machine alone. In the terminal of the bot:
  export SSL_CERT_FILE={bundle} REQUESTS_CA_BUNDLE={bundle} NODE_EXTRA_CA_CERTS={authority}
A bot whose addresses are fixed needs this line in /etc/hosts, and KIS's ports here
(--port 9443 --stream-port 21000 --paper-port 29443 --paper-stream-port 31000):
  127.0.0.1 {" ".join(KIS_HOSTS)}
The stream ports speak {scheme_of_streams}. Give the bot invented keys only: without the line it calls the real KIS.
Take the line out before you trade.
"""


def _authority(folder: Path, names: Iterable[str]) -> tuple[_Key, x509.Certificate]:
    """Read the authority, or make it. Its key may sign for these names and loopback only."""
    key_file, file = folder / "ca-key.pem", folder / "ca.pem"
    if not key_file.exists() and not file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(key_file, _pem_of(key))
        write_private(file, _pem(_self_signed(key, names)))
    try:
        kept = load_pem_private_key(key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise BadAuthorityError(f"{folder} holds no usable authority ({error}); {_REMEDY}") from None
    if not isinstance(kept, _Key) or kept.public_key() != certificate.public_key():
        raise BadAuthorityError(f"{folder}: ca.pem and ca-key.pem do not belong together; {_REMEDY}")
    return kept, certificate


_REMEDY: Final = (
    "remove ca.pem and ca-key.pem there, start again and trust the new ca.pem, or name another --tls-folder"
)


def _check_names(folder: Path, authority: x509.Certificate, names: Iterable[str]) -> None:
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or ()
    missing = [name for name in names if not any(_covers(each, name) for each in permitted)]
    if missing:
        raise BadAuthorityError(f"the authority in {folder} was made without {', '.join(missing)}; {_REMEDY}")


def _covers(permitted: x509.GeneralName, name: str) -> bool:
    value, wanted = permitted.value, _general(name).value
    if isinstance(value, IPv4Network | IPv6Network):
        return not isinstance(wanted, str) and wanted in value
    return bool(value == wanted)


def _self_signed(key: _Key, names: Iterable[str]) -> x509.Certificate:
    others = [_constraint(name) for name in names]
    permitted = [*(x509.IPAddress(network) for network in _LOOPBACK), *others]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kis-simulator, only for tests on this machine")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(subject, subject, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(names: Iterable[str], key: _Key, signer: _Key, authority: x509.Certificate) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kis-simulator")])
    return (
        _builder(subject, authority.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _constraint(name: str) -> x509.GeneralName:
    general = _general(name)
    return x509.IPAddress(ip_network(name)) if isinstance(general, x509.IPAddress) else general


def _authorities_here() -> bytes:
    """Return the authorities that this machine trusts, or nothing where they are in no single file."""
    # Without SSL_CERT_FILE, which may name our own bundle.
    files = (Path(ssl.get_default_verify_paths().openssl_cafile), *_KNOWN_FILES)
    return next((file.read_bytes() + b"\n" for file in files if file.is_file()), b"")


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _pem_of(key: _Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
