"""The OpenAPI document that ships in the package, against the code and against the running service."""

import json
import logging
import os
import subprocess
import sys
import zipfile
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import validate

from session_service.agora import encryption, tokens
from session_service.http import wire
from session_service.settings import VARIABLES
from tests.contract.clauses import refusals
from tests.contract.conftest import InProcessFactory, RunningFactory
from tests.contract.given import BODY, CLIENT_ID, QUERY, SECRET

ROOT = Path(__file__).parent.parent.parent
FILE = resources.files("session_service.http") / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
COMPONENTS = DOCUMENT["components"]
DEFAULTS = {variable.name: variable.default for variable in VARIABLES}
ENDPOINT = DOCUMENT["paths"][DEFAULTS["SESSION_PATH"]]
PROBES = (DOCUMENT["paths"]["/livez"], DOCUMENT["paths"]["/readyz"])
MODES = ["off", *encryption.MODES]


def conforms(value: object, schema: str) -> bool:
    """Whether a value is what the document says under this name."""
    found = {"$ref": f"#/components/schemas/{schema}", "components": COMPONENTS}
    return Draft202012Validator(found).is_valid(value)


def examples(response: str) -> dict[str, Any]:
    """The examples of a response, by name."""
    found = COMPONENTS["responses"][response]["content"]["application/json"]["examples"]
    return {name: example["value"] for name, example in found.items()}


def test_the_document_is_openapi() -> None:
    """Of version 3.1, by the specification's own schema."""
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_the_endpoint_stands_as_the_settings_have_it_by_default() -> None:
    """Path, methods, and the header of the secret."""
    assert {method.upper() for method in ENDPOINT} == set(str(DEFAULTS["SESSION_METHODS"]).split(","))
    secret = COMPONENTS["securitySchemes"]["secret"]
    assert (secret["type"], secret["in"], secret["name"]) == ("apiKey", "header", DEFAULTS["SESSION_SECRET_HEADER"])
    assert DOCUMENT["security"] == [{"secret": []}]
    assert all(probe["get"]["security"] == [] for probe in PROBES)


def test_each_refusal_is_there_with_its_status_code_and_sentence() -> None:
    """As an example of the response of its status, and in no other."""
    told = {
        (int(status), code): value["error"]["message"]
        for status in COMPONENTS["responses"]
        if status.isdigit() and status != "200"
        for code, value in examples(status).items()
    }
    assert told == {(kind.status, code): kind.public for code, kind in refusals().items()}
    codes = COMPONENTS["schemas"]["Refusal"]["properties"]["error"]["properties"]["code"]["enum"]
    assert sorted(codes) == sorted(refusals())


def test_the_endpoint_can_answer_with_every_status() -> None:
    """A GET has no body that could be too large or of another type."""
    statuses = {str(kind.status) for kind in refusals().values()} | {"200"}
    assert set(ENDPOINT["post"]["responses"]) == statuses
    assert set(ENDPOINT["get"]["responses"]) == statuses - {"413", "415"}


@pytest.mark.parametrize("status", sorted({str(kind.status) for kind in refusals().values()}))
def test_the_examples_of_a_refusal_conform(status: str) -> None:
    """Code and name of an example are one."""
    for code, value in examples(status).items():
        assert conforms(value, "Refusal")
        assert value["error"]["code"] == code


@pytest.mark.parametrize("details", examples("200").values(), ids=examples("200").keys())
def test_the_examples_of_join_details_conform(details: dict[str, str]) -> None:
    """Their tokens are readable and are those of their channels."""
    assert conforms(details, "JoinDetails")
    token = tokens.read(details["agora_token"])
    assert token.app_id == details["agora_app_id"]
    assert token.services[0].fields["channel"] == details["agora_channel"]


@pytest.mark.parametrize("mode", MODES)
def test_what_the_service_answers_conforms(in_process: InProcessFactory, mode: str) -> None:
    """Unencrypted, and in each of the modes, which are all that the document knows."""
    assert conforms(in_process(SESSION_ENCRYPTION_MODE=mode).call().json(), "JoinDetails")
    assert COMPONENTS["schemas"]["JoinDetails"]["properties"]["encryption_mode"]["enum"] == MODES[1:]


@pytest.mark.parametrize("missing", ["agora_token", "encryption_mode", "encryption_key"])
def test_join_details_without_a_needed_field_do_not_conform(in_process: InProcessFactory, missing: str) -> None:
    """The schema is no formality."""
    details = in_process(SESSION_ENCRYPTION_MODE="aes_256_gcm2").call().json()
    assert not conforms({name: value for name, value in details.items() if name != missing}, "JoinDetails")
    assert not conforms({**details, missing: None}, "JoinDetails")
    assert not conforms({**details, "session_id": "x"}, "JoinDetails")


def test_the_request_is_the_platforms() -> None:
    """The example of the body is the platform's call, and the query's is the same client."""
    body = ENDPOINT["post"]["requestBody"]["content"]["application/json"]["examples"]["platform"]["value"]
    assert conforms(body, "SessionRequest")
    assert wire.from_body(None, BODY).client_id == CLIENT_ID == body["client_id"]
    assert wire.from_query(QUERY).client_id == ENDPOINT["get"]["parameters"][0]["examples"]["platform"]["value"]


@pytest.mark.parametrize(
    "client_id", ["a", "a" * 128, "café ☕ 東京", "a" * 129, "", "a\n", "a\u200b", "\u00a0", "\ue000"]
)
def test_the_schema_of_a_client_id_is_the_services(client_id: str) -> None:
    """Printable is said in one pattern there and in one call here."""
    assert conforms(client_id, "ClientId") == (1 <= len(client_id) <= 128 and client_id.isprintable())


@pytest.mark.real
def test_the_document_is_in_the_wheel(tmp_path: Path) -> None:
    """Whoever installs the package has it."""
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: pip install --require-hashes -r requirements/build.txt")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=110)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert json.loads(archive.read("session_service/http/openapi.json")) == DOCUMENT


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize("launcher", ["none", "python"])
def test_schemathesis_finds_nothing(
    running: RunningFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture, launcher: str
) -> None:
    """Every check it has, over a socket, with examples that are the same in each run."""
    config = tmp_path / "schemathesis.toml"
    config.write_text('[auth.openapi.secret]\napi_key = "${SENTINEL}"\n')
    server = running(SESSION_LAUNCHER=launcher, SESSION_PYTHON_CALLABLE="tests.contract.callables:leaves")
    tool = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run", str(FILE)]
    how = [
        "--checks",
        "all",
        "--max-examples",
        "150",
        "--generation-deterministic",
        "--continue-on-failure",
        "--no-color",
    ]
    url = ["--url", f"http://127.0.0.1:{server.port}"]
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "SENTINEL": SECRET, "PYTHONUTF8": "1"}
    with caplog.at_level(logging.INFO):
        done = subprocess.run(
            [*tool, *url, *how],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=500,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = {vars(record).get("status") for record in caplog.records if vars(record).get("event") == "call"}
    assert statuses >= {200, 400, 401, 403, 405}, "the run was too narrow to prove anything"
