"""What the use cases need from outside, named by role."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from gateway.application.traded_plans import TradedPlans
from gateway.domain.accepted import Accepted, Opening, RememberedAnswer
from gateway.domain.account_break import AccountBreak
from gateway.domain.activity import ActivityEntry
from gateway.domain.plan import Plan
from gateway.domain.position import Deviation, Fill, Leg, Position, PositionDetail, PositionSummary, Release, Valuation
from shared.trading.policy import LegPolicy


class Planner(Protocol):
    """Makes plans, and keeps each one that it hands out."""

    async def buy(
        self, *, user_id: UUID, account_id: UUID, index_id: str, amount: Decimal, policy: LegPolicy = LegPolicy.HOLD
    ) -> Plan:
        """A plan to buy an index for at most `amount` quote units.

        Raises:
            PlatformError: why there can be none: too small, over balance, unknown index, execution away.
        """
        ...

    async def close(self, *, user_id: UUID, position_id: UUID) -> Plan:
        """A plan to sell what a position holds.

        Raises:
            PlatformError: why there can be none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeAgain:
    """A plan made anew.

    Attributes:
        moved: Symbols whose prices have moved beyond tolerance since.
        plan: As it is shown.
    """

    moved: Sequence[str]
    plan: Mapping[str, Any]


class PlanAgain(Protocol):
    """Makes a plan anew and compares it with the one that was looked at."""

    async def __call__(self, *, user_id: UUID, plan_id: UUID) -> MadeAgain:
        """The same plan, as it would be now.

        Raises:
            PlanNotFound: none such was handed to this user.
            PlatformError: why the plan could not be made any more.
        """
        ...


class Acceptance(TradedPlans, Protocol):
    """One transaction of one user, in which an order is accepted or not."""

    async def plan(self, plan_id: UUID) -> Plan | None:
        """A plan handed to this user."""
        ...

    async def answer(self, key: str) -> RememberedAnswer | None:
        """What was answered under a key."""
        ...

    async def remember(self, key: str, fingerprint: str, accepted: Accepted) -> RememberedAnswer | None:
        """Keep the answer, or return the one that stands under the key; waits while a twin is accepted elsewhere."""
        ...

    async def open(
        self, key: str, fingerprint: str, plan: Plan, accepted: Accepted, *, signing_ends: datetime
    ) -> Opening:
        """Remember the answer and record the position and its command; waits like `remember`."""
        ...

    async def close(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """Record the request and its command; False when the plan was used before."""
        ...

    async def run(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """The same for whatever a plan does to a standing position."""
        ...

    async def closing(self, position: Position, *, since: datetime) -> bool:
        """Whether an order taken after `since` still waits: no word of execution has changed the position after it."""
        ...

    async def position(self, position_id: UUID, *, lock: bool = False) -> Position | None:
        """A position of this user; `lock` holds it until the transaction ends."""
        ...

    async def rebalances_itself(self, position_id: UUID, *, fence: int) -> bool:
        """Whether its owner still wants what a look with this fence orders; asked while the position is held."""
        ...


class Acceptances(Protocol):
    """Opens such transactions."""

    def begin(self, user_id: UUID) -> AbstractAsyncContextManager[Acceptance]:
        """Commits when the block ends, rolls back on any error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The envelope of what was said.

    Attributes:
        consumer: The durable consumer that brought it.
        type: Such as `execution.leg_filled`.
    """

    consumer: str
    event_id: UUID
    user_id: UUID
    type: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Strokes:
    """What one message changes in a user's picture; older versions of a noun change nothing."""

    positions: Sequence[Position] = ()
    legs: Sequence[Leg] = ()
    fills: Sequence[Fill] = ()
    releases: Sequence[Release] = ()
    valuations: Sequence[Valuation] = ()
    deviations: Sequence[Deviation] = ()
    breaks: Sequence[AccountBreak] = ()
    activity: Sequence[ActivityEntry] = ()


class Pictures(Protocol):
    """Keeps what was said."""

    async def paint(self, message: Message, strokes: Strokes) -> None:
        """Change the picture, once for each message and consumer; returns when that is committed.

        Raises:
            PlatformError: nothing was committed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPosition:
    """A position that the gateway took and about which execution has said nothing yet."""

    position_id: UUID
    user_id: UUID


class WaitingPositions(Protocol):
    """Positions that wait for execution's first word, of all users."""

    async def older_than(self, moment: datetime, *, limit: int) -> list[WaitingPosition]:
        """Those taken before a moment, oldest first."""
        ...

    async def fail(self, waiting: WaitingPosition, *, reason: str, at: datetime, line: UUID) -> bool:
        """Let it be FAILED, with line `line` in the feed; False when execution has spoken meanwhile."""
        ...

    async def paint(self, found: PositionDetail) -> None:
        """Keep what execution answered, unless something newer is known."""
        ...


class PositionAuthority(Protocol):
    """Execution, which decides about positions."""

    async def position(self, waiting: WaitingPosition) -> PositionDetail | None:
        """The position as execution knows it; None when it knows none.

        Raises:
            PlatformError: it does not answer.
        """
        ...


class PositionReader(Protocol):
    """Reads the picture."""

    async def positions(
        self, user_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None = None
    ) -> list[PositionSummary]:
        """Positions of a user, newest first, after the one named by (created_at, position_id)."""
        ...

    async def detail(self, user_id: UUID, position_id: UUID) -> PositionDetail | None:
        """One position with everything known about it."""
        ...

    async def activity(
        self, user_id: UUID, *, limit: int, after: tuple[datetime, UUID] | None = None
    ) -> list[ActivityEntry]:
        """The feed of a user, newest first, after the line named by (at, event_id)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMessage:
    """One event as the FEED stream holds it."""

    sequence: int
    subject: str
    body: bytes
    event_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedBounds:
    """What the FEED stream holds now.

    Attributes:
        epoch: Names this very stream; another after it was lost and made again.
    """

    epoch: str
    first_sequence: int
    last_sequence: int


class FeedHistory(Protocol):
    """Reads the FEED stream backwards in time."""

    async def bounds(self) -> FeedBounds:
        """What can be replayed.

        Raises:
            Unavailable: the bus does not answer.
        """
        ...

    def replay(self, user_id: UUID, *, after: int, until: int) -> AsyncGenerator[FeedMessage, None]:
        """The user's events with `after` < sequence ≤ `until`, in order.

        Raises:
            StreamPositionGone: there are more of them than a replay carries.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that a consumer gave up on.

    Attributes:
        stream: Where the message came from, not the DLQ stream.
        sequence: Its sequence there.
        code: Stable name of the error.
    """

    stream: str
    sequence: int
    consumer: str
    subject: str | None
    headers: dict[str, str]
    body: str | None
    code: str
    error: str
    received_at: datetime

    @property
    def name(self) -> str:
        """Unique among all letters."""
        return f"{self.stream}/{self.sequence}/{self.consumer}"


class DeadLetters(Protocol):
    """Keeps dead letters for people."""

    async def keep(self, letter: DeadLetter) -> bool:
        """Copy a letter; False when it is there already (advisories repeat)."""
        ...
