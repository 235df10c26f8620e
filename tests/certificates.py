"""A certificate authority for one test, and certificates that are right or wrong in one named way."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "agents.example.com"
DAY = timedelta(days=1)


class Authority:
    """Signs with a key of its own. `folder` is where files go that OpenSSL wants to read."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self._folder, self._key, self._name = folder, ec.generate_private_key(ec.SECP256R1()), _named(name)
        self.certificate = self.signed(self._name, self._key, lifetime=timedelta(days=400), authority=True)

    def trusted(self) -> ssl.SSLContext:
        """What somebody has who trusts this authority alone."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        lifetime: timedelta,
        age: timedelta = DAY,
        host: str = HOST,
        authority: bool = False,
    ) -> x509.Certificate:
        """A certificate for `key`. It began `age` ago and ends after `lifetime` from now, which may be negative."""
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - age).not_valid_after(now + lifetime)
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
        # Python 3.13 asks for the three that RFC 5280 wants (4.2.1.1 to 4.2.1.3).
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False).add_extension(_usage(authority), critical=True)
        if not authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def server(
        self, lifetime: timedelta = timedelta(days=90), age: timedelta = DAY, host: str = HOST
    ) -> ssl.SSLContext:
        """A server's context with a certificate of this authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._serving(key, [self.signed(_named(host), key, lifetime=lifetime, age=age, host=host)])

    def self_signed(self) -> ssl.SSLContext:
        """A server's context whose certificate is this very authority's."""
        return self._serving(self._key, [self.certificate])

    def with_root(self) -> ssl.SSLContext:
        """A server's context that sends the authority's own certificate along."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self.signed(_named(HOST), key, lifetime=timedelta(days=90))
        return self._serving(key, [leaf, self.certificate])

    def _serving(self, key: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate]) -> ssl.SSLContext:
        file = self._folder / f"{chain[0].serial_number}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + b"".join(part.public_bytes(serialization.Encoding.PEM) for part in chain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _usage(authority: bool) -> x509.KeyUsage:
    no = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **no)
