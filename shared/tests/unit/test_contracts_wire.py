from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from shared.contracts.envelope import Envelope
from shared.contracts.fields import EventData
from shared.contracts.portfolio import DeviationDetected, DriftItem
from shared.contracts.rpc.auth import Login

ID = UUID(int=1)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_an_event_of_any_kind_keeps_plain_decimals_inside_the_envelope() -> None:
    item = DriftItem(symbol="PEPEUSDT", weight=Decimal("1E-8"), target_weight=Decimal("1E-9"), drift=Decimal(0))
    data = DeviationDetected(
        position_id=ID,
        user_id=ID,
        account_id=ID,
        at=NOW,
        items=[item],
        absolute_threshold=Decimal("0.05"),
        relative_threshold=Decimal("0.25"),
    )
    envelope = Envelope[EventData](
        id=ID,
        source="reconciler",
        type="portfolio.deviation_detected",
        version=1,
        time=NOW,
        subject="portfolio.v1.deviation_detected._._",
        aggregate_id="1",
        aggregate_version=1,
        correlation_id=ID,
        data=data,
    )
    text = envelope.model_dump_json()
    assert '"weight":"0.00000001"' in text
    assert Envelope[DeviationDetected].model_validate_json(text).data == data


def test_a_secret_travels_in_a_question_and_shows_nowhere_else() -> None:
    question = Login.model_validate({"email": "a@b.example", "password": "correct horse battery"})
    assert "correct horse battery" in question.model_dump_json()
    assert "correct horse battery" not in repr(question)
