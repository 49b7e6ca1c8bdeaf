"""No secret reaches a log line."""

from __future__ import annotations

import json
import logging
import sys

import pytest
import structlog
from pydantic import SecretStr

from shared.runtime.correlation import correlated
from shared.runtime.logging import configure_logging, get_logger, mask_secrets
from shared.testing import FakeIds


@pytest.fixture(autouse=True)
def _leave_no_trace() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_secrets_are_masked_by_the_name_of_their_key_at_any_depth() -> None:
    shown = mask_secrets(
        None,
        "",
        {
            "event": "x",
            "api_secret": "CANARY",
            "nested": {"Password": "CANARY", "deep": [{"access_token": "CANARY"}]},
            "signature": b"CANARY",
            "database_dsn": "CANARY",
            "nats_seed": SecretStr("CANARY"),
            "leg_id": "7",
        },
    )
    assert "CANARY" not in str(shown)
    assert shown["leg_id"] == "7"


def test_a_password_inside_an_address_is_masked() -> None:
    shown = mask_secrets(None, "", {"event": "cannot reach postgresql://execution:CANARY@127.0.0.1/user_data"})
    assert shown["event"].startswith("cannot reach postgresql://execution:")
    assert "CANARY" not in shown["event"]


def test_lines_are_json_with_service_and_bound_ids(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("execution")
    correlation = FakeIds().uuid()
    with correlated(correlation):
        get_logger("here").info("leg_filled", leg_id="7")
    logging.getLogger("library").warning("careful: %s", "postgresql://a:CANARY@h/d")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["event"], first["service"], first["leg_id"]) == ("leg_filled", "execution", "7")
    assert first["correlation_id"] == str(correlation)
    assert "CANARY" not in second["event"]
    assert second["level"] == "warning"


def test_a_library_with_a_handler_of_its_own_takes_the_same_road(capfd: pytest.CaptureFixture[str]) -> None:
    library = logging.getLogger("faststream")
    library.addHandler(logging.StreamHandler(sys.stderr))
    library.propagate = False
    configure_logging("execution")
    logging.getLogger("faststream.bus").error("Task-1 raised an exception", exc_info=TimeoutError("late"))
    logging.getLogger("faststream.bus").info("noise")
    written = capfd.readouterr()
    [line] = written.out.splitlines()
    assert written.err == ""
    shown = json.loads(line)
    assert (shown["event"], shown["level"], shown["service"]) == ("Task-1 raised an exception", "error", "execution")
    assert "TimeoutError: late" in shown["exception"]
