"""One order sent for a leg: a state machine whose terminal states never reopen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from execution.domain.protocol_times import ABSENCES_NEEDED, EVIDENCE_LASTS, ProtocolTimes
from execution.domain.venue_facts import FINAL, OrderFact, Reply, ReplyKind, Standing
from shared.trading.money import ZERO, exact_product
from shared.trading.status import TERMINAL_ATTEMPTS, AttemptState, Side, VenueEnvironment

_FINAL_STATE = {
    Standing.FILLED: AttemptState.FILLED,
    Standing.CANCELLED: AttemptState.CANCELLED,
    Standing.REJECTED: AttemptState.REJECTED,
}
LOST = frozenset({AttemptState.UNKNOWN, AttemptState.NEEDS_ATTENTION})
"""Whether the venue has it is not known: enough clean not-founds may end it."""
_EXISTS = LOST | {AttemptState.INTENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An order of ours, from the committed intent to its end.

    Attributes:
        body: The order's exact fields as JSON text; a re-send carries the same.
        send_before: No signature is given after this moment; whoever still may send commits a later one first.
        sent_by: The request was signed no later than this; moves with a re-send. The barrier starts here.
        ever_unknown: Kept for whoever reads what became of it; the rules look at its state, which is never INTENT again.
        asked_at, failures: The last question about it, and how many in a row got no answer.
        evidence_at: When the venue last showed something new of it; from then on it is known to exist there.
        final_state, final_quantity: How the venue says the order ended; the attempt follows once its fills are booked.
        filled_quantity: Base units of booked fills, before fees; never falls.
        filled_notional: Quote units of booked fills.
        version: Counts this attempt's states.
    """

    attempt_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    position_id: UUID
    run_id: UUID
    leg_id: UUID
    number: int
    link_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    body: str
    state: AttemptState = AttemptState.INTENT
    intent_at: datetime
    send_before: datetime
    sent_by: datetime
    updated_at: datetime
    ever_unknown: bool = False
    unknown_since: datetime | None = None
    absences: int = 0
    first_absence_at: datetime | None = None
    checked_at: datetime | None = None
    checks: int = 0
    asked_at: datetime | None = None
    failures: int = 0
    evidence_at: datetime | None = None
    resends: int = 0
    final_state: AttemptState | None = None
    final_quantity: Decimal | None = None
    venue_order_id: str | None = None
    filled_quantity: Decimal = ZERO
    filled_notional: Decimal = ZERO
    reason: str | None = None
    version: int = 1

    @property
    def terminal(self) -> bool:
        """Whether nothing but a late execution can still happen."""
        return self.state in TERMINAL_ATTEMPTS

    @property
    def exists(self) -> bool:
        """Whether the venue has ever proved that it has the order: from then on not finding it proves nothing."""
        return self.evidence_at is not None or self.venue_order_id is not None

    @property
    def held(self) -> Decimal:
        """What a reservation must still hold: quote units for a buy, base units for a sell."""
        if self.terminal:
            return ZERO
        if self.side is Side.SELL:
            return max(self.quantity - self.filled_quantity, ZERO)
        return max(exact_product(self.quantity, self.limit_price) - self.filled_notional, ZERO)

    def replied(self, reply: Reply, at: datetime) -> Attempt:
        """After the answer to a send: proof of acceptance or refusal, or none."""
        if self.terminal:
            return self
        if reply.kind is ReplyKind.ACCEPTED:
            return self._accepted(reply, at)
        if reply.kind in {ReplyKind.REFUSED, ReplyKind.NOT_SENT} and self.state is AttemptState.INTENT:
            return self._moved(AttemptState.REJECTED, at, reason=reply.reason)
        if reply.kind in {ReplyKind.UNKNOWN, ReplyKind.DUPLICATE} and self.state is AttemptState.INTENT:
            return self.lost(at, reason=reply.reason)._told_of(reply, at)  # noqa: SLF001
        if self.state is AttemptState.UNKNOWN:
            return replace(self, sent_by=min(self.sent_by, at))._told_of(reply, at)  # noqa: SLF001
        return self._told_of(reply, at)

    def _told_of(self, reply: Reply, at: datetime) -> Attempt:
        if reply.kind is ReplyKind.DUPLICATE and self.state in LOST and not self.exists:
            return replace(self, evidence_at=at)
        return self

    def _accepted(self, reply: Reply, at: datetime) -> Attempt:
        order_id = reply.venue_order_id or self.venue_order_id
        if self.state in _EXISTS:
            return self._moved(AttemptState.ACKED, at, venue_order_id=order_id, evidence_at=at)
        return replace(self, venue_order_id=order_id)

    def lost(self, at: datetime, *, reason: str | None = None) -> Attempt:
        """Nobody can say whether the venue has it: only evidence decides from here."""
        if self.terminal or self.state in {AttemptState.UNKNOWN, AttemptState.NEEDS_ATTENTION}:
            return self
        return self._moved(
            AttemptState.UNKNOWN,
            at,
            reason=reason,
            ever_unknown=True,
            unknown_since=self.unknown_since or at,
            sent_by=at,
            absences=0,
            first_absence_at=None,
            checks=0,
            checked_at=None,
        )

    def taken_over(self, at: datetime) -> Attempt:
        """Whoever sent it may only be held up: it may be signed until its bound, however late that is."""
        signed_by = max(at, self.send_before)
        if self.state is AttemptState.INTENT:
            return replace(self.lost(at, reason="desk_restarted"), sent_by=signed_by)
        if self.state is AttemptState.UNKNOWN and self.sent_by < signed_by:
            return replace(
                self, sent_by=signed_by, absences=0, first_absence_at=None, checks=0, version=self.version + 1
            )
        return self

    def prolonged(self, bound: datetime) -> Attempt:
        """Before something that was not sent in time is sent after all; what was answered or lost stays as it is."""
        if self.state is not AttemptState.INTENT or bound <= self.send_before:
            return self
        return replace(self, send_before=bound, sent_by=bound, version=self.version + 1)

    def seen(self, fact: OrderFact, at: datetime) -> Attempt:
        """After the order was seen at the venue, by stream or query."""
        known = replace(self, venue_order_id=fact.venue_order_id or self.venue_order_id)
        if self.terminal:
            return known
        if fact.standing not in FINAL or self.final_state is None:
            known = replace(known, evidence_at=at)
        if fact.standing in FINAL:
            ended = replace(
                known,
                final_state=_FINAL_STATE[fact.standing],
                final_quantity=max(fact.filled_quantity, known.final_quantity or ZERO),
                reason=fact.reason or known.reason,
            )
            if self.state is AttemptState.NEEDS_ATTENTION and (
                (ended.final_state, ended.final_quantity) == (self.final_state, self.final_quantity)
            ):
                return self  # told before, and its matches still do not add up: a person is called already
            return ended._settled(at)  # noqa: SLF001
        if self.state in _EXISTS:
            state = AttemptState.PARTIAL if self.filled_quantity else AttemptState.ACKED
            return known._moved(state, at)  # noqa: SLF001
        return known

    def executed(self, *, quantity: Decimal, notional: Decimal, at: datetime) -> Attempt:
        """After one more fill was booked; on a terminal attempt only the figures grow."""
        grown = replace(
            self, filled_quantity=self.filled_quantity + quantity, filled_notional=self.filled_notional + notional
        )
        if self.terminal:
            return replace(grown, updated_at=at, version=self.version + 1)
        return replace(grown, evidence_at=at)._settled(at)  # noqa: SLF001

    def _settled(self, at: datetime) -> Attempt:
        if self.filled_quantity >= self.quantity:
            return self._moved(AttemptState.FILLED, at)
        if self.final_state is not None and self.final_quantity is not None:
            if self.filled_quantity >= self.final_quantity:
                return self._moved(self.final_state, at)
            return self._moved(AttemptState.PARTIAL if self.filled_quantity else self._existing(), at)
        return self._moved(AttemptState.PARTIAL, at)

    def _existing(self) -> AttemptState:
        return AttemptState.ACKED if self.state in _EXISTS else self.state

    def asked(self, at: datetime, *, answered: bool) -> Attempt:
        """After a question about it, whatever the answer said; no answer says nothing, but the next one waits."""
        return replace(self, asked_at=at, failures=0 if answered else self.failures + 1)

    def absent(self, asked_at: datetime, times: ProtocolTimes) -> Attempt:
        """After a clean not-found: it counts only when it was asked beyond the barrier."""
        asked = replace(self.asked(asked_at, answered=True), checked_at=asked_at, checks=self.checks + 1)
        if self.state not in LOST or not times.barrier(self.sent_by) <= asked_at <= self.sent_by + EVIDENCE_LASTS:
            return asked
        return replace(asked, absences=self.absences + 1, first_absence_at=self.first_absence_at or asked_at)

    def proven_absent(self, times: ProtocolTimes) -> bool:
        """Enough clean not-founds over a long enough time, all beyond the barrier."""
        if self.first_absence_at is None or self.checked_at is None:
            return False
        return self.absences >= ABSENCES_NEEDED and self.checked_at - self.first_absence_at >= times.absence_window

    def overdue(self, now: datetime, times: ProtocolTimes) -> bool:
        """Whether the venue has shown nothing new of it for too long, whatever state it is in."""
        if self.state is AttemptState.UNKNOWN:
            return now >= (self.unknown_since or self.updated_at) + times.give_up_after
        if self.state in {AttemptState.ACKED, AttemptState.PARTIAL}:
            return now >= (self.evidence_at or self.updated_at) + times.give_up_after
        return False

    def resent(self, at: datetime, *, bound: datetime, times: ProtocolTimes) -> Attempt:
        """Before the same id and body go out again, after proven absence alone: the barrier starts anew."""
        if self.state is not AttemptState.UNKNOWN or not self.closes_absent(times):
            return self
        return replace(
            self,
            resends=self.resends + 1,
            send_before=bound,
            sent_by=bound,
            absences=0,
            first_absence_at=None,
            checks=0,
            updated_at=at,
            version=self.version + 1,
        )

    def closes_absent(self, times: ProtocolTimes) -> bool:
        """Whether proven absence may end it, or send it again: the venue never proved that it has it."""
        return self.proven_absent(times) and not self.exists

    def closed_absent(self, at: datetime, *, reason: str) -> Attempt:
        """Proven absent and no longer wanted: cancelled with nothing filled, also while a person is called."""
        if self.state not in LOST or self.exists:
            return self
        return self._moved(AttemptState.CANCELLED, at, reason=reason)

    def settled_by_hand(self, at: datetime, *, reason: str) -> Attempt:
        """A person has proved that nothing more will come of it: cancelled, keeping what filled."""
        if self.state is not AttemptState.NEEDS_ATTENTION:
            return self
        return self._moved(AttemptState.CANCELLED, at, reason=reason)

    def given_up(self, at: datetime, times: ProtocolTimes) -> Attempt:
        """Without evidence for too long: a person must look; nothing is guessed and nothing released."""
        if not self.overdue(at, times):
            return self
        return self._moved(AttemptState.NEEDS_ATTENTION, at, absences=0, first_absence_at=None)

    def _moved(self, state: AttemptState, at: datetime, **changes: object) -> Attempt:
        if state is self.state and not changes:
            return replace(self, updated_at=at)
        return replace(self, state=state, updated_at=at, version=self.version + 1, **changes)  # type: ignore[arg-type]
