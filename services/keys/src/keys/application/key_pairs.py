"""The way to connect a venue account without pasting a secret: our key pair, whose public half the user registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from keys.application.add_key import AddKey, NewKey, check_label
from keys.application.book_ports import KeyBook
from keys.application.ports import KeyVenue, PairMaker, PairVault
from keys.domain.audit import AuditDraft
from keys.domain.endpoints import Caller
from keys.domain.errors import KeyPairNotFound, TooManyKeyPairs
from keys.domain.key_pair import PAIR_LIFE, WAITING_MAX, KeyPair, pair_binding
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials, KeyKind, StoredKey
from shared.trading.clock import Clock, Ids
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTools:
    """What the use cases about pairs share."""

    book: KeyBook
    vault: PairVault
    venue: KeyVenue
    maker: PairMaker
    clock: Clock
    ids: Ids


class MakePair:
    """Makes a pair; its private half never leaves this service."""

    def __init__(self, tools: PairTools) -> None:
        self._tools = tools

    async def __call__(self, user_id: UUID, label: str, environment: VenueEnvironment) -> KeyPair:
        """Make and store a pair that waits for a day.

        Raises:
            KeyMalformed: The label.
            EnvironmentNotOpen: The operator has not opened this environment.
            TooManyKeyPairs: The user has as many waiting pairs as there may be.
        """
        tools = self._tools
        check_label(label)
        tools.venue.check_open(environment)
        async with tools.book.unit(user_id) as unit:
            _room(await unit.pairs(), tools.clock)
        pair = await self._made(user_id, label.strip(), environment)
        async with tools.book.unit(user_id) as unit:
            kept = await unit.pairs()
            _room(kept, tools.clock)
            await unit.drop_pairs([old.pair_id for old in kept if old.expires_at <= pair.created_at])
            await unit.put_pair(pair)
            await unit.audit(_entry(pair, "make_pair", tools.clock))
        return pair

    async def _made(self, user_id: UUID, label: str, environment: VenueEnvironment) -> KeyPair:
        tools = self._tools
        pair_id, fresh, now = tools.ids.uuid(), await tools.maker.make(), tools.clock.now()
        binding = pair_binding(environment=environment, user_id=user_id, pair_id=pair_id)
        return KeyPair(
            pair_id=pair_id,
            user_id=user_id,
            label=label,
            environment=environment,
            public_key=fresh.public_key,
            created_at=now,
            expires_at=now + PAIR_LIFE,
            sealed=await tools.vault.seal_private(binding, fresh.private_key),
        )


class CompletePair:
    """Turns a pair into a stored key, once the venue knows its public half."""

    def __init__(self, tools: PairTools, add_key: AddKey) -> None:
        self._tools = tools
        self._add_key = add_key

    async def __call__(
        self, user_id: UUID, pair_id: UUID, api_key: Secret, *, accepts_expiry: bool = False
    ) -> StoredKey:
        """Check the key at the venue and store it; the pair is gone afterwards, and stays when the key is refused.

        Args:
            user_id: Whose pair it is.
            pair_id: The pair.
            api_key: The id that the venue gave to the registered public key.
            accepts_expiry: The user confirmed that a key without bound addresses dies after 90 days.

        Raises:
            KeyPairNotFound, KeyPairExpired: There is no such pair to complete.
            KeyRefused: The key, its rights or its life; the code says which.
            KeyAccountTaken: Another user holds the venue account.
            VenueAway: The venue does not answer; nothing was stored.
        """
        tools = self._tools
        async with tools.book.unit(user_id) as unit:
            pair = await unit.pair(pair_id)
        if pair is None:
            raise KeyPairNotFound("There is no such key pair.")
        binding = pair_binding(environment=pair.environment, user_id=user_id, pair_id=pair_id)
        private_key = await tools.vault.open_private(binding, pair.waiting(tools.clock.now()))
        credentials = Credentials(api_key=api_key, api_secret=private_key, kind=KeyKind.RSA)
        key = await self._add_key(
            NewKey(
                user_id=user_id,
                label=pair.label,
                environment=pair.environment,
                credentials=credentials,
                accepts_expiry=accepts_expiry,
            )
        )
        # After the key is stored: a crash in between leaves a pair that can be completed again, to the same end.
        async with tools.book.unit(user_id) as unit:
            await unit.drop_pairs([pair_id])
            await unit.audit(_entry(pair, "complete_pair", tools.clock, why=f"became {key.key_id}"))
        return key


class ReadPairs:
    """The user's pairs that wait."""

    def __init__(self, tools: PairTools) -> None:
        self._tools = tools

    async def __call__(self, user_id: UUID) -> list[KeyPair]:
        """Newest first."""
        async with self._tools.book.unit(user_id) as unit:
            found = await unit.pairs()
        now = self._tools.clock.now()
        return [pair for pair in found if pair.expires_at > now]


def _room(pairs: Sequence[KeyPair], clock: Clock) -> None:
    now = clock.now()
    if sum(pair.expires_at > now for pair in pairs) >= WAITING_MAX:
        raise TooManyKeyPairs(f"At most {WAITING_MAX} key pairs wait at a time. Complete one, or wait a day.")


def _entry(pair: KeyPair, action: str, clock: Clock, *, why: str = "") -> AuditDraft:
    """Under the pair's own id, as if it were a key: a chain of its own."""
    return AuditDraft(
        key_id=pair.pair_id,
        user_id=pair.user_id,
        at=clock.now(),
        actor=Caller.GATEWAY,
        action=action,
        outcome="done",
        why=why,
    )
