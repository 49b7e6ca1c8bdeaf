"""Keys are checked at the venue before they are stored, and again; what is refused is refused by name."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from keys.domain.audit import AuditSeal
from keys.domain.endpoints import Caller
from keys.domain.errors import (
    AuditBroken,
    KeyAccountTaken,
    KeyCanWithdraw,
    KeyExpired,
    KeyIpNotAllowed,
    KeyMalformed,
    KeyNotFound,
    KeyNotUsable,
    KeyPermissionNotAllowed,
    KeyReadOnly,
    KeyRefused,
    KeyRejectedByVenue,
    KeyUnknownToVenue,
    KeyWithoutSpotTrade,
    RecordTampered,
    VenueAway,
)
from keys.inbound.daily_check import check_due
from keys.main import main
from keys.outbound.kek_file import read_kek_file
from keys.outbound.postgres.audit_trail import read_chain
from shared.runtime.settings import EnvironmentNotOpen
from shared.trading.errors import Invalid

pytestmark = pytest.mark.integration


async def test_a_paper_account_is_opened_and_its_key_stored_without_any_readable_secret(desk: Any) -> None:
    key = await desk.cases.open_paper_account(desk.user, "play", {"USDT": Decimal(10_000)})
    view = desk.cases.view(await desk.cases.read.one(desk.user, key.key_id))
    assert (view.status, view.environment, view.permissions["Spot"]) == ("active", "paper", ["SpotTrade"])
    assert "no_ip_binding" in view.warnings
    ledger = desk.paper.http.get(f"{desk.paper.url}/paper/v1/ledger", params={"uid": view.venue_uid}).json()
    assert [(row["coin"], Decimal(row["walletBalance"])) for row in ledger["balances"]] == [("USDT", Decimal(10_000))]
    (event,) = await desk.rows("select subject, body from keys.outbox")
    assert event["subject"] == f"account.v1.key_added.{desk.user}.{key.key_id}"


@pytest.mark.parametrize(
    ("terms", "error", "named"),
    [
        ({"permissions": {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}}, KeyCanWithdraw, "Wallet.Withdraw"),
        (
            {"permissions": {"Spot": ["SpotTrade"], "Wallet": ["AccountTransfer"]}},
            KeyPermissionNotAllowed,
            "Wallet.AccountTransfer",
        ),
        ({"read_only": True}, KeyReadOnly, None),
        ({"permissions": {"Spot": []}}, KeyWithoutSpotTrade, None),
        ({"expires_in_s": -60}, KeyExpired, None),
        ({"environment": "testnet"}, KeyUnknownToVenue, None),
        ({"ips": ["1.2.3.4"]}, KeyIpNotAllowed, None),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_key_with_wrong_rights_is_refused_by_name_and_nothing_is_stored(
    desk: Any, terms: dict[str, Any], error: type[KeyRefused], named: str | None
) -> None:
    with pytest.raises(error) as refusal:
        await desk.add(desk.paper.open(**terms))
    assert refusal.value.context.get("permission") == named
    assert await desk.rows("select 1 from keys.venue_keys union all select 1 from keys.venue_accounts") == []
    assert await desk.rows("select 1 from keys.outbox") == []


async def test_a_wrong_secret_an_unknown_key_and_text_that_is_no_key_are_told_apart(desk: Any) -> None:
    account = desk.paper.open()
    with pytest.raises(KeyRejectedByVenue):
        await desk.add(account | {"api_secret": "wrongwrongwrong"})
    with pytest.raises(KeyUnknownToVenue):
        await desk.add(account | {"api_key": "UNKNOWNUNKNOWN"})
    for bad in ({"api_key": "a b"}, {"api_secret": "x" * 500}, {"api_key": "ключключключ"}):
        with pytest.raises(KeyMalformed):
            await desk.add(account | bad)
    with pytest.raises(KeyMalformed):
        await desk.add(account, label="  ")


async def test_environments_that_are_not_switched_on_are_refused(desk: Any, paper: Any) -> None:
    account = paper.open()
    with pytest.raises(EnvironmentNotOpen) as refusal:
        await desk.add(account, environment="mainnet")
    assert refusal.value.code == "mainnet_not_enabled"


async def test_after_a_ban_the_venue_is_not_asked_about_keys(desk: Any) -> None:
    account = desk.paper.open()
    desk.paper.fault(kind="ip_ban", path="/v5/user/query-api", count=1)
    with pytest.raises(VenueAway):
        await desk.add(account)
    desk.paper.heal()
    with pytest.raises(VenueAway) as paused:
        await desk.add(account)
    assert paused.value.context == {"cause": "venue_paused"}


async def test_nothing_is_stored_while_the_venue_is_away(desk: Any) -> None:
    account = desk.paper.open()
    desk.paper.fault(kind="error_500", path="/v5/user/query-api")
    with pytest.raises(VenueAway):
        await desk.add(account)
    desk.paper.heal()
    assert (await desk.add(account)).status == "active"


async def test_a_venue_account_belongs_to_one_user_and_keeps_its_id_for_them(desk: Any) -> None:
    account, other = desk.paper.open(), uuid4()
    first = await desk.add(account)
    with pytest.raises(KeyAccountTaken):
        await desk.add(account, user=other)
    again = await desk.add(account, label="rotated")
    assert (again.key_id, again.generation, again.version, again.label) == (first.key_id, 2, 2, "rotated")
    await desk.cases.delete(desk.user, first.key_id)
    with pytest.raises(KeyNotFound):
        await desk.cases.delete(desk.user, first.key_id)
    back = await desk.add(account)
    assert (back.key_id, back.generation) == (first.key_id, 3)
    await desk.cases.delete(desk.user, first.key_id)
    theirs = await desk.add(account, user=other)
    assert theirs.key_id != first.key_id
    with pytest.raises(KeyAccountTaken):
        await desk.add(account)


async def test_deleting_destroys_the_data_key_and_leaves_a_tombstone(desk: Any) -> None:
    key = await desk.add(desk.paper.open())
    await desk.signed(key, "/v5/account/wallet-balance", "accountType=UNIFIED", method="GET")
    await desk.cases.delete(desk.user, key.key_id)
    (row,) = await desk.rows("select * from keys.venue_keys")
    sealed = ("kek_version", "wrapped_data_key", "sealed_api_key", "sealed_api_secret")
    assert (row["status"], [row[name] for name in sealed]) == ("deleted", [None] * 4)
    assert await desk.cases.read.all(desk.user) == []
    with pytest.raises(KeyNotFound):
        await desk.cases.read.one(desk.user, key.key_id)
    with pytest.raises(KeyNotUsable) as refusal:
        await desk.sign(key, "/v5/account/wallet-balance", "accountType=UNIFIED", method="GET")
    assert refusal.value.code == "key_deleted"
    with pytest.raises(KeyNotUsable):
        await desk.cases.sign_stream(desk.user, key.key_id)


async def test_a_key_that_gains_a_right_is_suspended_and_comes_back_when_it_is_taken_away(desk: Any) -> None:
    account = desk.paper.open()
    key = await desk.add(account)
    desk.paper.change(account["api_key"], permissions={"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]})
    checked = await desk.cases.check(desk.user, key.key_id, actor=Caller.GATEWAY)
    assert (checked.status, checked.status_reason) == ("suspended", "key_can_withdraw:Wallet.Withdraw")
    with pytest.raises(KeyNotUsable):
        await desk.sign(key, "/v5/account/wallet-balance", "accountType=UNIFIED", method="GET")
    desk.paper.change(account["api_key"], permissions={"Spot": ["SpotTrade"], "Wallet": []})
    assert (await desk.cases.check(desk.user, key.key_id, actor=Caller.GATEWAY)).status == "active"
    desk.paper.revoke(account["api_key"])
    checked = await desk.cases.check(desk.user, key.key_id, actor=Caller.GATEWAY)
    assert (checked.status, checked.status_reason) == ("suspended", "key_unknown_to_venue")
    names = [
        row["subject"].split(".")[2] for row in await desk.rows("select subject from keys.outbox order by position")
    ]
    assert names == ["key_added", "key_suspended", "key_checked", "key_suspended"]


async def test_every_key_is_checked_once_a_day_and_by_one_replica(desk: Any) -> None:
    account = desk.paper.open()
    key = await desk.add(account)
    assert await check_due(desk.cases, pause_s=0) == 0
    desk.clock.ahead = 24 * 3600 + 60
    desk.paper.fault(kind="error_500", path="/v5/user/query-api")
    assert (await check_due(desk.cases, pause_s=0), await check_due(desk.cases, pause_s=0)) == (1, 0)
    desk.paper.heal()
    await desk.execute("update keys.venue_accounts set check_due_at = now() - interval '1 minute'")
    # Signatures of a clock a day ahead would be refused: the check that follows runs at the real time.
    desk.clock.ahead = 0.0
    assert await check_due(desk.cases, pause_s=0) == 1
    (row,) = await desk.rows("select check_due_at > now() + interval '23 hours' as tomorrow from keys.venue_accounts")
    assert row["tomorrow"]
    assert (await desk.cases.read.one(desk.user, key.key_id)).checked_at >= key.checked_at


async def test_one_user_never_sees_or_uses_anothers_key(desk: Any) -> None:
    key, other = await desk.add(desk.paper.open()), uuid4()
    for attempt in (
        desk.cases.read.one(other, key.key_id),
        desk.cases.check(other, key.key_id, actor=Caller.GATEWAY),
        desk.cases.delete(other, key.key_id),
        desk.cases.sign_stream(other, key.key_id),
        desk.sign(key, "/v5/account/wallet-balance", "accountType=UNIFIED", method="GET", user=other),
    ):
        with pytest.raises(KeyNotFound):
            await attempt
    assert await desk.cases.read.all(other) == []
    for user in (None, other):
        async with desk.database.transaction(user) as session:
            for table in ("venue_keys", "audit"):
                assert (await session.execute(text(f"select count(*) from keys.{table}"))).scalar() == 0


async def test_a_shuffled_row_signs_nothing_and_is_noted(desk: Any) -> None:
    mine = await desk.add(desk.paper.open())
    theirs = await desk.add(desk.paper.open(), user=uuid4())
    await desk.execute(
        "update keys.venue_keys a set wrapped_data_key = b.wrapped_data_key, sealed_api_key = b.sealed_api_key,"
        " sealed_api_secret = b.sealed_api_secret from keys.venue_keys b where a.key_id = $1 and b.key_id = $2",
        mine.key_id,
        theirs.key_id,
    )
    with pytest.raises(RecordTampered):
        await desk.sign(mine, "/v5/account/wallet-balance", "accountType=UNIFIED", method="GET")
    with pytest.raises(RecordTampered):
        await desk.cases.sign_stream(desk.user, mine.key_id)
    with pytest.raises(RecordTampered):
        await desk.cases.check(desk.user, mine.key_id, actor=Caller.GATEWAY)
    rows = await desk.rows(
        f"select action, outcome from keys.audit where key_id = '{mine.key_id}' order by seq offset 1"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("sign", "refused:key_integrity_failed"),
        ("sign_stream", "refused:key_integrity_failed"),
        ("check", "refused:key_integrity_failed"),
    ]


async def test_the_audit_can_only_grow_and_its_chain_shows_every_change(desk: Any) -> None:
    key = await desk.add(desk.paper.open())
    for _ in range(3):
        await desk.signed(key, "/v5/account/wallet-balance", "accountType=UNIFIED", method="GET")
    seal = AuditSeal(read_kek_file(desk.settings.kek_file).derived("audit").reveal())
    async with desk.database.transaction(desk.user) as session:
        assert seal.verify(await read_chain(session, key.key_id)) == 4
    for statement in ("update keys.audit set why = ''", "delete from keys.audit", "truncate keys.audit"):
        with pytest.raises(Exception, match="permission denied"):
            async with desk.database.transaction(desk.user) as session:
                await session.execute(text(statement))
    for statement in ("update keys.audit set why = 'other' where seq = 2", "delete from keys.audit where seq = 2"):
        await desk.execute(statement)
        async with desk.database.transaction(desk.user) as session:
            with pytest.raises(AuditBroken) as found:
                seal.verify(await read_chain(session, key.key_id))
        assert found.value.context["seq"] == 2


async def test_an_operator_checks_the_audit_of_all_keys_or_of_one(
    desk: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, theirs = await desk.add(desk.paper.open()), await desk.add(desk.paper.open(), user=uuid4())
    monkeypatch.setenv("KEYS_DATABASE_DSN", str(desk.settings.database_dsn.get_secret_value()))
    monkeypatch.setenv("KEYS_KEK_FILE", str(desk.settings.kek_file))
    monkeypatch.setenv("KEYS_LINK_KEY", desk.settings.link_key.get_secret_value())

    async def told(*arguments: str) -> dict[str, str]:
        await asyncio.to_thread(main, ["verify-audit", *arguments])
        return dict(line.split(" ", 1) for line in capsys.readouterr().out.splitlines())

    (head,) = await desk.rows(f"select encode(seal, 'hex') as seal from keys.audit where key_id = '{mine.key_id}'")
    assert (await told()).keys() == {str(mine.key_id), str(theirs.key_id)}
    assert await told(str(mine.key_id)) == {str(mine.key_id): f"1 {head['seal']}"}
    await desk.execute(f"update keys.audit set why = 'other' where key_id = '{mine.key_id}'")
    await desk.execute(f"delete from keys.audit where key_id = '{theirs.key_id}'")
    with pytest.raises(SystemExit, match="audit_broken"):
        await told()
    said = capsys.readouterr().out
    assert f"The audit of key {mine.key_id} is broken at record 1." in said
    assert f"The audit of key {theirs.key_id} has no record at all." in said
    with pytest.raises(SystemExit, match="key_not_found"):
        await told(str(uuid4()))
    with pytest.raises(SystemExit, match="not a key's id"):
        await told("something")


async def test_when_a_key_was_last_used_is_known(desk: Any) -> None:
    key = await desk.add(desk.paper.open())
    assert (await desk.cases.read.one(desk.user, key.key_id)).last_used_at is None
    await desk.signed(key, "/v5/account/wallet-balance", "accountType=UNIFIED", method="GET")
    assert (await desk.cases.read.one(desk.user, key.key_id)).last_used_at is not None


async def test_balances_that_make_no_sense_are_refused(desk: Any) -> None:
    for balances in ({}, {"USDT": Decimal(-1)}, {"not a coin!": Decimal(1)}):
        with pytest.raises(Invalid):
            await desk.cases.open_paper_account(desk.user, "play", balances)
