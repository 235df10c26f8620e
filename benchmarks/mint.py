"""Minting and reading tokens: ours against Agora's algorithm and packages, and against what no token can do without.

Run as `python -m benchmarks.mint`. All contenders run in one process, in interleaved rounds on the same inputs, and
each is told by the median of its rounds: the ratios say something, the microseconds belong to the machine. Inputs
change from call to call, because deflate is half as dear on bytes that it has just seen. Who mints draws its own salt.
Nothing is measured when our tokens are not those of the plain algorithm, byte for byte.

The plain algorithm is tests/agora/plain.py. Agora's own code is measured beside it where agoraiotools is installed.
"""

import hmac
import os
import statistics
import subprocess
import sys
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from agora_token_builder import RtcTokenBuilder

from session_service.agora import tokens
from session_service.agora.identifiers import MAX_SALT, Project
from session_service.agora.tokens import RtcMinter, Token
from tests.agora import plain

ROUNDS = 25
CALLS = 1000
PROJECT = Project("970CA35de60c44645bbae8a215061b33", "5CFd2fd1755d40ecb72977518be15d3b")
CHANNEL = "cekura-0123456789abcdef0123456789abcdef"
NOW = 1_700_000_000
LIFETIME = 4500
PUBLISHER = 1

# zlib.compress asks for 268 kB, and glibc may give that back to the system after each call. Then whoever calls it is
# several times as slow, which is true for such a process and says nothing about the algorithm.
HEAPS: Sequence[tuple[str, dict[str, str]]] = (
    ("Memory is kept by the process:", {"MALLOC_TRIM_THRESHOLD_": "67108864"}),
    ("Memory is kept or given back as the C library likes:", {}),
)

Contender = Callable[[int], object]


def drawn_salt() -> int:
    """Draw a salt as the service does."""
    return int.from_bytes(os.urandom(8), "little") % MAX_SALT + 1


def ours(number: int) -> str:
    """Mint as the service does under load, where calls share a second."""
    return MINTER.mint(CHANNEL, number, issued_at=NOW, lifetime=LIFETIME, salt=drawn_salt())


def ours_each_in_its_second(number: int) -> str:
    """Mint as the service does at rest, where nothing is left over from the call before."""
    return MINTER.mint(CHANNEL, number, issued_at=NOW + number, lifetime=LIFETIME, salt=drawn_salt())


def plainly(number: int) -> str:
    """Mint by Agora's algorithm, step by step as its builders take it."""
    return unbuilt(number).build()


def unbuilt(number: int) -> plain.AccessToken:
    """Give the same token before its last step, with the salt that it has drawn."""
    return plain.publisher(PROJECT.app_id, PROJECT.certificate, CHANNEL, number, issued_at=NOW, lifetime=LIFETIME)


def package_006(number: int) -> str:
    """Mint a token of version 006, which takes one HMAC and no compression, by agora-token-builder."""
    end = NOW + LIFETIME
    token: str = RtcTokenBuilder.buildTokenWithUid(PROJECT.app_id, PROJECT.certificate, CHANNEL, number, PUBLISHER, end)
    return token


def primitives(number: int) -> bytes:
    """Do what no token of version 007 can do without: three HMACs, one deflate, one base64."""
    key = hmac.digest(b"1234", CERTIFICATE, "sha256")
    key = hmac.digest(number.to_bytes(4, "little"), key, "sha256")
    signature = hmac.digest(key, SIGNED, "sha256")
    return b64encode(zlib.compress(signature + SIGNED))


def deflate(number: int) -> bytes:
    """Compress as ours does, and do nothing else: this stage holds all the rest up."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, 10, 2)
    return deflater.compress(PAYLOADS[number]) + deflater.flush()


def agoras(builder: Any) -> Contender:
    """Mint by Agora's own Python code."""

    def mint(number: int) -> object:
        token = builder.AccessToken(PROJECT.app_id, PROJECT.certificate, NOW, LIFETIME)
        service = builder.ServiceRtc(CHANNEL, number)
        for privilege in (1, 2, 3, 4):
            service.add_privilege(privilege, LIFETIME)
        token.add_service(service)
        return token.build()

    return mint


def decode(number: int) -> Token:
    """Read a token."""
    return tokens.read(TOKENS[number])


def verify(number: int) -> bool:
    """Read a token and check its signature."""
    return decode(number).signature_valid(PROJECT.certificate)


MINTER = RtcMinter(PROJECT)
TOKENS = [ours(number) for number in range(1, CALLS + 2)]
PAYLOADS = [zlib.decompress(b64decode(token.removeprefix("007"))) for token in TOKENS]
SIGNED = tokens.read(TOKENS[0]).signed
CERTIFICATE = PROJECT.certificate.encode()
CONTENDERS: dict[str, Contender] = {
    "plain algorithm": plainly,
    "ours": ours,
    "ours, a new second each time": ours_each_in_its_second,
    "agora-token-builder (006)": package_006,
    "bare primitives (the floor)": primitives,
    "deflate alone": deflate,
    "ours, decode": decode,
    "ours, decode and verify": verify,
}
if find_spec("agoraiotools"):
    CONTENDERS["Agora's own (agoraiotools)"] = agoras(import_module("agoraiotools.AccessToken2"))


def identical(number: int) -> bool:
    """Tell whether our token is the plain algorithm's, with the salt that it has drawn."""
    token = unbuilt(number)
    return token.build() == MINTER.mint(CHANNEL, number, issued_at=NOW, lifetime=LIFETIME, salt=token.salt)


def measured(contender: Contender) -> float:
    """Microseconds of processor time for each call of one round."""
    begin = time.process_time()
    for number in range(1, CALLS + 1):
        contender(number)
    return (time.process_time() - begin) / CALLS * 1e6


def medians() -> dict[str, float]:
    """The median of each contender's rounds, which take turns, so that a slow moment strikes all alike."""
    rounds = [{name: measured(contender) for name, contender in CONTENDERS.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(one[name] for one in rounds) for name in CONTENDERS}


def report(cost: dict[str, float]) -> None:
    """Print each cost, and the three ratios that this project wants."""
    unit, floor, mint = cost["plain algorithm"], cost["bare primitives (the floor)"], cost["ours"]
    print(f"Tokens: median of {ROUNDS} rounds of {CALLS} calls, zlib {zlib.ZLIB_RUNTIME_VERSION}")
    print(f"{'':32}{'us':>8}{'x plain':>10}{'x floor':>10}")
    for name, each in cost.items():
        print(f"{name:32}{each:8.1f}{unit / each:10.2f}{floor / each:10.2f}")
    print(f"mint against the plain algorithm: {unit / mint:.2f} times (wanted: at least 1.8)")
    if own := cost.get("Agora's own (agoraiotools)"):
        print(f"mint against Agora's own code:    {own / mint:.2f} times")
    print(f"mint against the floor:           {floor / mint:.2f} times (wanted: at least 0.9)")
    print(f"decode against mint:              {cost['ours, decode'] / mint:.2f} of its time (wanted: at most 2)")
    print(f"deflate takes {cost['deflate alone'] / mint:.0%} of our mint\n")


def main() -> int:
    """Measure and print. Return 1 where there is nothing to compare."""
    if not all(map(identical, range(1, 5 * CALLS))):
        print(
            "Our tokens are not byte for byte those of the plain algorithm, so nothing was measured.", file=sys.stderr
        )
        return 1
    for heap, environment in HEAPS:
        print(heap, flush=True)
        here = [sys.executable, "-c", "from benchmarks import mint; mint.report(mint.medians())"]
        subprocess.run(here, env={**os.environ, **environment}, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
