# Copyright (c) 2026, the pgtls.postgresql authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The raw cost of many certificates: ``raw_certificates.py COUNT PROCESSES``.

For each one a P-256 key, a request that it signs and the CA checks, and a certificate that the CA signs, with the
extensions that one of ours has, all in PEM, nothing written.
"""

from __future__ import annotations

import datetime
import sys
from multiprocessing import Pool

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NO_USAGE = ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"]
NO_USAGE += ["encipher_only", "decipher_only"]

Pem = bytes


def client(number: int) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"client {number}")])


def holder_work(number: int) -> tuple[Pem, Pem]:
    """A key and a request for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(client(number)).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form), request.public_bytes(serialization.Encoding.PEM)


def authority_work(request_pem: Pem, ca_name: x509.Name, ca_key: ec.EllipticCurvePrivateKey) -> Pem:
    """A certificate with the extensions that one of ours has."""
    request = x509.load_pem_x509_csr(request_pem)
    if not request.is_signature_valid:
        raise SystemExit("a request is not signed by its key")
    now = datetime.datetime.now(datetime.UTC)
    key = request.public_key()
    usage = dict.fromkeys(NO_USAGE, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(ca_name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def make(numbers: range) -> int:
    """Make these certificates, and return how many there are."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    return len([authority_work(holder_work(number)[1], client(0), ca_key) for number in numbers])


def main() -> None:
    count, processes = int(sys.argv[1]), int(sys.argv[2])
    shares = [range(number, count, processes) for number in range(processes)]
    if processes == 1:
        made = make(shares[0])
    else:
        with Pool(processes) as pool:
            made = sum(pool.map(make, shares))
    if made != count:
        raise SystemExit(f"{made} certificates instead of {count}")


if __name__ == "__main__":
    main()
