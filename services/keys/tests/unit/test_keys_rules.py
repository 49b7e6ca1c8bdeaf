"""Permissions, rates and the audit chain."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.domain.audit import GENESIS, AuditDraft, AuditEntry, AuditSeal
from keys.domain.egress import EgressSlot, share_of, until_next_slot_ms
from keys.domain.errors import (
    AuditBroken,
    KeyCanWithdraw,
    KeyPermissionNotAllowed,
    KeyReadOnly,
    KeyRefused,
    KeyWithoutSpotTrade,
)
from keys.domain.lane import Lane
from keys.domain.permissions import judge
from keys.domain.rate_window import RateWindow
from keys.domain.stored_key import KeyFacts

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TRADE_ONLY = {"Spot": ["SpotTrade"], "Wallet": [], "ContractTrade": [], "Exchange": ["ExchangeHistory"]}


def test_a_key_that_can_only_trade_spot_is_taken() -> None:
    judge(TRADE_ONLY, read_only=False)


@pytest.mark.parametrize(
    ("changes", "error", "named"),
    [
        ({"Wallet": ["AccountTransfer", "Withdraw"]}, KeyCanWithdraw, "Wallet.Withdraw"),
        ({"Wallet": ["AccountTransfer"]}, KeyPermissionNotAllowed, "Wallet.AccountTransfer"),
        ({"Wallet": ["SubMemberTransferList"]}, KeyPermissionNotAllowed, "Wallet.SubMemberTransferList"),
        ({"ContractTrade": ["Order", "Position"]}, KeyPermissionNotAllowed, "ContractTrade.Order"),
        ({"Options": ["OptionsTrade"]}, KeyPermissionNotAllowed, "Options.OptionsTrade"),
        ({"Earn": ["Earn"]}, KeyPermissionNotAllowed, "Earn.Earn"),
        ({"Spot": ["SpotTrade", "SpotWhatever"]}, KeyPermissionNotAllowed, "Spot.SpotWhatever"),
        ({"Something": ["New"]}, KeyPermissionNotAllowed, "Something.New"),
    ],
)
def test_any_right_outside_the_list_is_refused_by_name(
    changes: dict[str, list[str]], error: type[KeyRefused], named: str
) -> None:
    with pytest.raises(error) as refusal:
        judge(TRADE_ONLY | changes, read_only=False)
    assert refusal.value.context["permission"] == named


def test_a_key_that_cannot_trade_is_refused() -> None:
    with pytest.raises(KeyReadOnly):
        judge(TRADE_ONLY, read_only=True)
    with pytest.raises(KeyWithoutSpotTrade):
        judge({"Spot": []}, read_only=False)


def test_warnings_name_what_the_user_should_mend() -> None:
    facts = KeyFacts(
        venue_uid="1", permissions={}, read_only=False, ips=(), expires_at=NOW + timedelta(days=3), master=True
    )
    assert facts.warnings(NOW) == ["no_ip_binding", "expires_soon", "master_account"]
    assert replace(facts, ips=("10.0.0.1",), expires_at=None, master=False).warnings(NOW) == []


def test_twenty_orders_go_at_once_and_the_next_waits_for_the_window() -> None:
    window, wait = RateWindow().ask(units=10, limit=20, lane=Lane.BUY, now_ms=1000)
    window, wait = window.ask(units=10, limit=20, lane=Lane.BUY, now_ms=1100)
    assert wait == 0
    window, wait = window.ask(units=10, limit=20, lane=Lane.BUY, now_ms=1200)
    assert wait == 850
    window, wait = window.ask(units=10, limit=20, lane=Lane.BUY, now_ms=1200 + wait)
    assert wait == 0


def test_polling_leaves_a_share_and_buying_steps_back_for_an_unwind() -> None:
    window, waits = RateWindow(), []
    for at in range(50):
        window, wait = window.ask(units=1, limit=50, lane=Lane.POLL, now_ms=1000 + at)
        waits.append(wait == 0)
    assert waits.count(True) == 35
    for at in range(15):
        window, wait = window.ask(units=1, limit=50, lane=Lane.CANCEL_QUERY, now_ms=1100 + at)
        assert wait == 0
    fresh = RateWindow(asked={Lane.UNWIND: 900})
    assert fresh.ask(units=10, limit=20, lane=Lane.BUY, now_ms=1000)[0].ask(
        units=10, limit=20, lane=Lane.BUY, now_ms=1001
    )[1]


@settings(max_examples=200, deadline=None)
@given(
    asks=st.lists(
        st.tuples(st.integers(0, 400), st.integers(1, 10), st.sampled_from(list(Lane))), min_size=1, max_size=80
    )
)
def test_no_rolling_second_ever_holds_more_than_the_limit(asks: list[tuple[int, int, Lane]]) -> None:
    window, now_ms, granted = RateWindow(), 10_000, []
    for pause, units, lane in asks:
        now_ms += pause
        window, wait = window.ask(units=units, limit=20, lane=lane, now_ms=now_ms)
        if not wait:
            granted.append((now_ms, units))
    for start, _ in granted:
        assert sum(units for at, units in granted if start <= at < start + 1000) <= 20


def test_egress_tokens_die_with_their_second_and_a_lower_lane_never_spends_a_higher_ones() -> None:
    slot = EgressSlot()
    assert not slot.take(Lane.BUY, 5_000)
    slot.put(Lane.BUY, 2, 5_100, slot=5)
    assert not slot.take(Lane.POLL, 5_100)
    assert slot.take(Lane.CANCEL_QUERY, 5_200)
    assert slot.take(Lane.BUY, 5_900)
    slot.put(Lane.BUY, 5, 5_900, slot=5)
    assert not slot.take(Lane.BUY, 6_000)
    slot.put(Lane.BUY, 5, 6_000, slot=5)
    assert not slot.take(Lane.BUY, 6_000)
    assert until_next_slot_ms(6_250) == 750
    assert [share_of(lane) for lane in Lane] == [84, 75, 67, 42]


def a_chain(length: int) -> tuple[AuditSeal, list[AuditEntry]]:
    seal, entries, previous = AuditSeal(b"s" * 32), [], GENESIS
    for seq in range(1, length + 1):
        draft = AuditDraft(
            key_id=UUID(int=1),
            user_id=UUID(int=2),
            at=NOW + timedelta(seconds=seq),
            actor="execution",
            action="sign",
            outcome="done",
            link_ids=(f"link-{seq}",),
            payload_hash=bytes([seq]),
        )
        entries.append(seal.entry(draft, seq=seq, previous=previous))
        previous = entries[-1].seal
    return seal, entries


def test_an_untouched_chain_verifies_and_every_kind_of_tampering_is_found() -> None:
    seal, entries = a_chain(6)
    assert seal.verify(entries) == 6
    chosen = random.Random(4)
    for _ in range(20):
        at = chosen.randrange(5)
        bad = replace(entries[at], draft=replace(entries[at].draft, outcome="refused:x"))
        forged = AuditSeal(b"x" * 32).entry(bad.draft, seq=at + 1, previous=entries[at].previous)
        for broken in (
            [*entries[:at], bad, *entries[at + 1 :]],
            [*entries[:at], forged, *entries[at + 1 :]],
            [*entries[:at], *entries[at + 1 :]],
            [*entries[:at], entries[at + 1], entries[at], *entries[at + 2 :]],
            [*entries[: at + 1], entries[at], *entries[at + 1 :]],
        ):
            with pytest.raises(AuditBroken):
                seal.verify(broken)
