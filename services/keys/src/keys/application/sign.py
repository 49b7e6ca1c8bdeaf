"""Sign one call: exactly these bytes, within what the user approved and the venue's limits."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from keys.application.book_ports import KeyBook
from keys.application.ports import OpenEnvironments, Vault
from keys.application.refusals import Refusals
from keys.application.signing_ports import Egress, SigningState, SigningUnit
from keys.domain.allowance import CountDown, RunTails, count_down
from keys.domain.audit import AuditDraft
from keys.domain.binding import Binding
from keys.domain.endpoints import Caller, PrivateCall, parse_call
from keys.domain.errors import CeilingMissing, KeyNotFound, SignatureTooLate
from keys.domain.guards import Guards
from keys.domain.lane import Lane
from keys.domain.limits import PlatformLimits
from keys.domain.orders import LinkKeys
from keys.domain.signing import Signatures, rest_headers
from keys.domain.stored_key import Credentials
from shared.trading.clock import Clock, epoch_ms, from_epoch_ms
from shared.trading.errors import Denied
from shared.trading.status import VenueEnvironment

PENDING_RETRY_MS = 20
EGRESS_TRIES = 3
"""Others may spend what was brought to hand for this call."""
PENDING_AT_MOST_S = 45.0
"""The bus may bring execution a command before us, and brings it to us again after its ack_wait of 30 s if the process
that took it first died; longer than that the command does not exist."""


class RetryReason(StrEnum):
    """Why the caller has to ask again."""

    VENUE_RATE = "venue_rate"
    EGRESS_RATE = "egress_rate"
    CEILINGS_PENDING = "ceilings_pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallToSign:
    """The exact bytes of a call, and who asks.

    Attributes:
        not_after: No signature is given after this moment.
    """

    caller: Caller
    user_id: UUID
    key_id: UUID
    method: str
    path: str
    payload: str
    recv_window_ms: int
    lane: Lane
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Signed:
    """The headers that make the call valid, and the signed time."""

    headers: dict[str, str]
    timestamp_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAgain:
    """Nothing was signed and nothing counted: ask again after `after_ms`."""

    after_ms: int
    reason: RetryReason


class Sign:
    """Signs, does not reveal.

    Args:
        limits: By environment, until an operator has written others.
        venues: Which environments are open now: one may be shut after a key of it was stored.
    """

    def __init__(
        self,
        *,
        book: KeyBook,
        vault: Vault,
        signatures: Signatures,
        egress: Egress,
        links: LinkKeys,
        refusals: Refusals,
        limits: Mapping[VenueEnvironment, PlatformLimits],
        venues: OpenEnvironments,
        clock: Clock,
    ) -> None:
        self._book = book
        self._vault = vault
        self._signatures = signatures
        self._egress = egress
        self._links = links
        self._refusals = refusals
        self._limits = limits
        self._venues = venues
        self._clock = clock
        self._patience = Patience(clock)

    async def __call__(self, asked: CallToSign) -> Signed | AskAgain:
        """Sign, or say when to ask again.

        Raises:
            Denied: Not on the list, not the schema, not approved, too late, suspended; the code says which.
            EnvironmentNotOpen: An order of an environment that is switched off here.
            KeyNotFound: No such key of this user.
        """
        named: tuple[str, ...] = ()
        try:
            call = self._read(asked)
            named = call.link_ids
            self._check_time(asked)
            decided = await self._until_decided(asked, call)
            return self._sign(asked, decided) if isinstance(decided, Credentials) else decided
        except Denied as refusal:
            await self._note_refusal(asked, named, refusal)
            raise

    async def _until_decided(self, asked: CallToSign, call: PrivateCall) -> Credentials | AskAgain:
        """The decision; egress is leased outside of it, so that nobody waits for that with the key locked.

        Orders lease first, for they are in a hurry; a question is asked whether it may be signed at all before that.
        """
        wait_ms = await self._egress.refill(call.lane) if call.orders else 0
        for _ in range(EGRESS_TRIES):
            if wait_ms:
                return AskAgain(after_ms=wait_ms, reason=RetryReason.EGRESS_RATE)
            decided = await self._decide(asked, call)
            if decided is not None:
                return decided
            wait_ms = await self._egress.refill(call.lane)
        return AskAgain(after_ms=PENDING_RETRY_MS, reason=RetryReason.EGRESS_RATE)

    def _read(self, asked: CallToSign) -> PrivateCall:
        return parse_call(
            caller=asked.caller,
            method=asked.method,
            path=asked.path,
            payload=asked.payload,
            recv_window_ms=asked.recv_window_ms,
            lane=asked.lane,
            links=self._links,
        )

    async def _decide(self, asked: CallToSign, call: PrivateCall) -> Credentials | AskAgain | None:
        """One unit of work; None, and nothing changed, when there is no egress at hand."""
        async with self._book.signing_unit(asked.user_id) as unit:
            state = await unit.signing_state(asked.key_id, call.bucket)
            if state is None:
                raise KeyNotFound("There is no such key.")
            return await self._spend(unit, state, asked, call)

    async def _spend(
        self, unit: SigningUnit, state: SigningState, asked: CallToSign, call: PrivateCall
    ) -> Credentials | AskAgain | None:
        # Whatever may refuse comes first: a dead key must not use up what the others live on.
        sealed = state.key.usable()
        call.belongs_to(state.key.environment)
        if call.orders:
            self._venues.check_open(state.key.environment)
        guards = self._guards(state)
        guards.check_halts(call.orders)
        counted = await self._count_down(unit, asked, call)
        if counted is None:
            return AskAgain(after_ms=PENDING_RETRY_MS, reason=RetryReason.CEILINGS_PENDING)
        reservation = guards.reserve(counted, now=from_epoch_ms(state.now_ms))
        window, wait_ms = state.window.ask(
            units=call.units, limit=call.bucket.limit, lane=call.lane, now_ms=state.now_ms
        )
        if wait_ms:
            await unit.record(state, call.bucket, window, CountDown(), None)
            return AskAgain(after_ms=wait_ms, reason=RetryReason.VENUE_RATE)
        credentials = await self._vault.open(Binding.of(state.key), sealed)
        self._check_time(asked)
        if not self._egress.spend(call.lane):
            return None
        entry = self._entry(asked, call.link_ids, outcome="done")
        full = await unit.record(state, call.bucket, window, counted, entry, reservation)
        if reservation is not None and full is not None:
            guards.refuse(reservation, full)
        return credentials

    def _guards(self, state: SigningState) -> Guards:
        key = state.key
        return Guards.of(
            state.guards,
            environment=key.environment,
            user_id=key.user_id,
            account_hash=key.account_hash,
            default=self._limits[key.environment],
        )

    async def _count_down(self, unit: SigningUnit, asked: CallToSign, call: PrivateCall) -> CountDown | None:
        """What the orders cost; None while their command may still be on its way."""
        if not call.orders:
            return CountDown()
        past = await unit.signed_past(asked.key_id, call.orders)
        try:
            return count_down(
                call.orders,
                key_id=asked.key_id,
                allowances=past.allowances,
                signed=past.signed,
                now=self._clock.now(),
                earlier=past.earlier,
            )
        except CeilingMissing:
            unknown = {order.run for order in call.orders} - past.allowances.keys()
            if unknown and all(self._patience.lasts(asked.key_id, run) for run in unknown):
                return None
            raise

    def _sign(self, asked: CallToSign, credentials: Credentials) -> Signed:
        # After the commit: the time is as fresh as it can be, and a crash before it costs nothing. Too late now, the
        # order stays counted: asked for in time, it is signed again for free.
        timestamp_ms = epoch_ms(self._check_time(asked))
        headers = rest_headers(
            credentials,
            self._signatures,
            payload=asked.payload,
            timestamp_ms=timestamp_ms,
            recv_window_ms=asked.recv_window_ms,
        )
        return Signed(headers=headers, timestamp_ms=timestamp_ms)

    def _check_time(self, asked: CallToSign) -> datetime:
        """This moment, when the asker still wants the signature."""
        now = self._clock.now()
        if asked.not_after is not None and now > asked.not_after:
            raise SignatureTooLate("The moment up to which this call could be signed has passed; nothing was sent.")
        return now

    async def _note_refusal(self, asked: CallToSign, link_ids: tuple[str, ...], refusal: Denied) -> None:
        """In a unit of its own: the one that refused is rolled back."""
        entry = self._refusals.worth_writing(self._entry(asked, link_ids, outcome=f"refused:{refusal.code}"))
        if entry is None:
            return
        async with self._book.unit(asked.user_id) as unit:
            if await unit.find(asked.key_id) is not None:
                await unit.audit(entry)

    def _entry(self, asked: CallToSign, link_ids: tuple[str, ...], *, outcome: str) -> AuditDraft:
        return AuditDraft(
            key_id=asked.key_id,
            user_id=asked.user_id,
            at=self._clock.now(),
            actor=asked.caller,
            action="sign",
            outcome=outcome,
            why=f"{asked.method} {asked.path[:80]} {asked.lane}",
            link_ids=link_ids,
            payload_hash=sha256(asked.payload.encode("utf-8", "replace")).digest(),
        )


class Patience:
    """Remembers since when a run without approval is asked for, in memory: a restart only grants a little more time."""

    _MOST = 10_000

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: OrderedDict[tuple[UUID, RunTails], float] = OrderedDict()

    def lasts(self, key_id: UUID, run: RunTails) -> bool:
        """Whether to wait for the run's approval a little longer."""
        now_s = self._clock.monotonic()
        since = self._since.setdefault((key_id, run), now_s)
        if len(self._since) > self._MOST:
            self._since.popitem(last=False)
        return now_s - since < PENDING_AT_MOST_S
