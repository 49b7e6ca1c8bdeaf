"""A key whose secret nobody ever saw: our pair, its public half registered at the venue."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from keys.application.sign import Signed
from keys.domain.endpoints import Caller
from keys.domain.errors import (
    KeyCanWithdraw,
    KeyExpiryNotAccepted,
    KeyMalformed,
    KeyPairExpired,
    KeyPairNotFound,
    KeyRejectedByVenue,
    KeyUnknownToVenue,
    RecordTampered,
    TooManyKeyPairs,
    VenueAway,
)
from keys.domain.key_pair import PAIR_LIFE, WAITING_MAX, KeyPair
from keys.domain.lane import Lane
from keys.domain.secret import Secret
from keys.domain.stored_key import StoredKey
from keys.settings import Settings
from keys.wiring import make_use_cases
from shared.runtime.settings import EnvironmentNotOpen
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration
PAPER = VenueEnvironment.PAPER


async def made(desk: Any, *, environment: VenueEnvironment = PAPER) -> KeyPair:
    pair: KeyPair = await desk.cases.make_pair(desk.user, "no secret", environment)
    return pair


def registered(desk: Any, pair: KeyPair, **terms: Any) -> Secret:
    """What the user does at the venue: registers the public key, gets an id."""
    return Secret.of_text(desk.paper.open(rsa_public_key=pair.public_key, **terms)["api_key"])


async def completed(desk: Any, pair: KeyPair, api_key: Secret) -> StoredKey:
    key: StoredKey = await desk.cases.complete_pair(desk.user, pair.pair_id, api_key)
    return key


async def test_a_registered_pair_becomes_a_key_that_signs_what_the_venue_takes(desk: Any) -> None:
    pair = await made(desk)
    api_key = registered(desk, pair)
    key = await completed(desk, pair, api_key)
    query = "accountType=UNIFIED&coin=USDT"
    signed: Signed = await desk.signed(key, "/v5/account/wallet-balance", query, method="GET", lane=Lane.CANCEL_QUERY)
    answer = desk.paper.call(signed, "GET", "/v5/account/wallet-balance", query)
    assert answer["retCode"] == 0
    assert answer["result"]["list"][0]["coin"][0]["walletBalance"] == "10000"
    assert desk.paper.call(signed, "GET", "/v5/account/wallet-balance", query + "%20")["retCode"] == 10004


async def test_the_daily_check_signs_with_the_pair_too(desk: Any) -> None:
    pair = await made(desk)
    key = await completed(desk, pair, registered(desk, pair))
    assert (await desk.cases.check(desk.user, key.key_id, actor=Caller.GATEWAY)).status == "active"


async def test_nothing_readable_of_the_private_half_is_stored_or_shown(desk: Any) -> None:
    pair = await made(desk)
    api_key = registered(desk, pair)
    key = await completed(desk, pair, api_key)
    stored = await desk.rows("select * from keys.venue_keys")
    assert stored[0]["kind"] == "rsa"
    everything = str(stored) + str(await desk.rows("select body from keys.outbox")) + repr(key) + repr(pair)
    assert "PRIVATE" not in everything
    assert api_key.reveal_text() not in everything
    assert await desk.rows("select 1 from keys.key_pairs") == []
    actions = [row["action"] for row in await desk.rows("select action from keys.audit order by at, seq")]
    assert actions == ["make_pair", "add", "complete_pair"]


async def test_a_refused_key_leaves_the_pair_waiting(desk: Any) -> None:
    pair = await made(desk)
    too_strong = registered(desk, pair, permissions={"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]})
    with pytest.raises(KeyCanWithdraw):
        await completed(desk, pair, too_strong)
    with pytest.raises(KeyUnknownToVenue):
        await completed(desk, pair, Secret.of_text("unknownKey12345"))
    with pytest.raises(KeyRejectedByVenue):  # a key that the venue checks with another secret
        await completed(desk, pair, Secret.of_text(desk.paper.open()["api_key"]))
    with pytest.raises(KeyMalformed):
        await completed(desk, pair, Secret.of_text("a b"))
    assert [row.pair_id for row in await desk.cases.read_pairs(desk.user)] == [pair.pair_id]
    assert (await completed(desk, pair, registered(desk, pair))).status == "active"


async def test_a_venue_that_is_away_leaves_the_pair_waiting(desk: Any) -> None:
    pair = await made(desk)
    api_key = registered(desk, pair)
    desk.paper.fault(kind="error_500", path="/v5/user/query-api", outcome="not", count=1)
    with pytest.raises(VenueAway):
        await completed(desk, pair, api_key)
    assert (await completed(desk, pair, api_key)).status == "active"


async def test_a_pair_is_its_makers_alone_and_good_for_one_key(desk: Any) -> None:
    pair = await made(desk)
    api_key = registered(desk, pair)
    with pytest.raises(KeyPairNotFound):
        await desk.cases.complete_pair(uuid4(), pair.pair_id, api_key)
    assert await desk.cases.read_pairs(uuid4()) == []
    await completed(desk, pair, api_key)
    with pytest.raises(KeyPairNotFound):
        await completed(desk, pair, api_key)


async def test_completing_twice_at_once_makes_one_key(desk: Any) -> None:
    pair = await made(desk)
    api_key = registered(desk, pair)
    answers = await asyncio.gather(*(completed(desk, pair, api_key) for _ in range(2)), return_exceptions=True)
    keys = {answer.key_id for answer in answers if isinstance(answer, StoredKey)}
    assert len(keys) == 1
    assert len(await desk.rows("select 1 from keys.venue_keys")) == 1


async def test_a_pair_that_nobody_completed_expires_and_is_destroyed(desk: Any) -> None:
    pair = await made(desk)
    desk.clock.ahead += PAIR_LIFE.total_seconds()
    with pytest.raises(KeyPairExpired):
        await completed(desk, pair, registered(desk, pair))
    assert await desk.cases.read_pairs(desk.user) == []
    await desk.cases.pruning.prune()
    assert len(await desk.rows("select 1 from keys.key_pairs")) == 1  # the database's own clock has not come so far
    await desk.execute("update keys.key_pairs set expires_at = now() - interval '1 second'")
    assert await desk.cases.pruning.prune() == 1
    assert await desk.rows("select 1 from keys.key_pairs") == []


async def test_only_so_many_pairs_wait_and_expired_ones_make_room(desk: Any) -> None:
    for _ in range(WAITING_MAX):
        await made(desk)
    with pytest.raises(TooManyKeyPairs):
        await made(desk)
    await desk.cases.make_pair(uuid4(), "somebody else", PAPER)
    desk.clock.ahead += PAIR_LIFE.total_seconds() + 1
    fresh = await made(desk)
    assert [row.pair_id for row in await desk.cases.read_pairs(desk.user)] == [fresh.pair_id]


async def test_a_pairs_row_moved_to_another_user_does_not_open(desk: Any) -> None:
    pair, thief = await made(desk), uuid4()
    api_key = registered(desk, pair)
    await desk.execute("update keys.key_pairs set user_id = $1", thief)
    with pytest.raises(RecordTampered):
        await desk.cases.complete_pair(thief, pair.pair_id, api_key)


async def test_a_pair_is_only_made_for_an_open_environment_and_a_sensible_name(desk: Any) -> None:
    with pytest.raises(EnvironmentNotOpen) as shut:
        await made(desk, environment=VenueEnvironment.MAINNET)
    assert shut.value.code == "mainnet_not_enabled"
    with pytest.raises(KeyMalformed):
        await desk.cases.make_pair(desk.user, " ", PAPER)
    assert await desk.rows("select 1 from keys.key_pairs") == []


async def test_live_trading_wants_a_bound_key_or_the_users_word(settings: Any, desk: Any) -> None:
    host = settings.venues[PAPER]
    live = Settings(
        kek_file=settings.kek_file,
        link_key=settings.link_key,
        live_trading=True,
        venues={VenueEnvironment.MAINNET: host},
    )
    async with httpx.AsyncClient(trust_env=False) as http:
        cases = make_use_cases(live, desk.database, http, clock=desk.clock)
        pair = await cases.make_pair(desk.user, "live", VenueEnvironment.MAINNET)
        unbound = registered(desk, pair)
        with pytest.raises(KeyExpiryNotAccepted):
            await cases.complete_pair(desk.user, pair.pair_id, unbound)
        assert await desk.rows("select 1 from keys.venue_keys") == []
        bound = registered(desk, pair, ips=["127.0.0.1"])
        assert (await cases.complete_pair(desk.user, pair.pair_id, bound)).status == "active"
        other = await cases.make_pair(desk.user, "live too", VenueEnvironment.MAINNET)
        key = await cases.complete_pair(desk.user, other.pair_id, registered(desk, other), accepts_expiry=True)
        assert "no_ip_binding" in key.warnings
