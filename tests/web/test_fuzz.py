"""schemathesis over the description, against good and broken data: no fault of the server, and every answer is as described."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from pyresque.web.openapi import description
from tests.support.full_redis import fill
from tests.web.conftest import OWN

#: /live is a stream that does not end; test_live.py and test_mount.py have it.
API = schemathesis.openapi.from_dict(description()).exclude(path="/live")

#: A program may well send what the description does not have: it is answered, and changes nothing that it should not.
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def filled(db) -> None:
    fill(db)


@API.parametrize()
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case, filled, address):
    answer = case.call(base_url=address, headers={**OWN, "accept": "application/json"})
    case.validate_response(answer, checks=CHECKS)
