"""Records as lines: every field of every record is there and comes back, also of those written by hand."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from paper_exchange.domain.records import FillBooked, OrderAccepted, OrderMatched
from paper_exchange.outbound.record_codec import decode_record, encode_record

amounts = st.decimals(min_value=0, max_value=10**12, places=12) | st.sampled_from(
    [Decimal("1E+3"), Decimal("0.10"), Decimal("12.000"), Decimal("1E-18"), Decimal(0)]
)
texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
fills = st.builds(FillBooked, exec_id=texts, price=amounts, quantity=amounts)
accepted = st.builds(
    OrderAccepted, uid=texts, order_id=texts, link_id=texts, symbol=texts, side=texts, order_type=texts,
    time_in_force=texts, price=amounts, limit_price=amounts, quantity=amounts, market_unit=texts, lock_coin=texts,
    locked=amounts, price_on_created=amounts, at_ms=st.integers(0, 2**53), slippage_type=texts, slippage=texts,
)  # fmt: skip
matched = st.builds(
    OrderMatched, order_id=texts, fills=st.lists(fills, max_size=3).map(tuple), is_maker=st.booleans(), status=texts,
    reject_reason=texts, cancel_type=texts, at_ms=st.integers(0, 2**53),
)  # fmt: skip


@given(accepted | matched)
def test_a_record_comes_back_as_it_went_with_all_its_fields_in_their_order(
    record: OrderAccepted | OrderMatched,
) -> None:
    line = encode_record(record)
    assert decode_record(line) == record
    assert list(json.loads(line)) == ["record", *(field.name for field in dataclasses.fields(record))]
    assert encode_record(decode_record(line)) == line
