"""A certificate of the broker's own, for whoever has none from elsewhere: credentials carry it, and trust it alone."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from kilnmark.farm.errors import FarmNotInstalled, FarmNotUsable
from kilnmark.keymaps.files.atomic import written_whole

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["own_certificate"]

_YEARS = 10


def own_certificate(folder: Path, hosts: Sequence[str]) -> tuple[Path, Path]:
    """A certificate and its key, made where there are none for these hosts.

    Args:
        folder: Where they lie; it is made.
        hosts: Names and addresses that the broker is reached by.

    Returns:
        Their paths.

    Raises:
        FarmNotInstalled: The packages of the farm are not here.
        FarmNotUsable: They cannot be written.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise FarmNotInstalled from error
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if key.is_file() and certificate.is_file() and _serves(certificate, hosts):
        return certificate, key
    made = ec.generate_private_key(ec.SECP256R1())
    signed = _signed(made, [_named(host) for host in dict.fromkeys(hosts)])
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, data in ((key, private), (certificate, signed.public_bytes(serialization.Encoding.PEM))):
            with written_whole(path, mode=0o600) as file:
                file.write(data)
    except OSError as error:
        raise FarmNotUsable(str(folder), f"{error.strerror or error}; name another with --store") from error
    return certificate, key


def _signed(key: "EllipticCurvePrivateKey", names: "Sequence[x509.GeneralName]") -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kilnmark farm")])
    now = datetime.now(UTC)
    uses = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **uses), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _serves(path: Path, hosts: Sequence[str]) -> bool:
    """Whether it is for all of these hosts, and for a month to come."""
    from cryptography import x509

    try:
        known = x509.load_pem_x509_certificate(path.read_bytes())
        names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    lasts = known.not_valid_after_utc - datetime.now(UTC) > timedelta(days=30)
    return lasts and all(_named(host) in names for host in hosts)


def _named(host: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
