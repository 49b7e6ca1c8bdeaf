"""Questions to keys about stored keys and pairs that wait. No answer holds a secret."""

from __future__ import annotations

from uuid import UUID

from shared.contracts.account import KeyView
from shared.contracts.fields import Contract, DecimalText, Moment, SecretText
from shared.contracts.rpc.verb import Empty, RpcVerb
from shared.trading.status import VenueEnvironment


class AddKey(Contract):
    """Store an HMAC key after checking it against the venue."""

    user_id: UUID
    label: str
    environment: VenueEnvironment
    api_key: SecretText
    api_secret: SecretText
    accepts_expiry: bool = False
    """The user confirmed that a key without bound addresses dies after 90 days; live trading asks for it."""


class MakePair(Contract):
    """Make an RSA key pair; the user registers its public half at the venue, and no secret is ever pasted."""

    user_id: UUID
    label: str
    environment: VenueEnvironment


class KeyPairView(Contract):
    """A pair that waits for the key id that the venue gives to its public half."""

    pair_id: UUID
    label: str
    environment: VenueEnvironment
    public_key: str
    """PEM, SubjectPublicKeyInfo: what the user registers."""
    created_at: Moment
    expires_at: Moment
    """Then the pair is destroyed."""


class KeyPairList(Contract):
    """Pairs that wait, newest first."""

    items: list[KeyPairView]


class CompletePair(Contract):
    """The venue's key id for a registered pair: checked at the venue, then the pair becomes a stored key."""

    user_id: UUID
    pair_id: UUID
    api_key: SecretText
    accepts_expiry: bool = False
    """As for a pasted key."""


class OpenPaperAccount(Contract):
    """Open an account with play money on the paper exchange and store its key."""

    user_id: UUID
    label: str
    balances: dict[str, DecimalText]


class OwnKeys(Contract):
    """All keys of a user."""

    user_id: UUID


class KeyRef(Contract):
    """One key of a user."""

    user_id: UUID
    key_id: UUID


class KeyList(Contract):
    """Keys, newest first."""

    items: list[KeyView]


ADD = RpcVerb("keys", "add", AddKey, KeyView, callers=("gateway",), acts=True, timeout_s=10.0)
OPEN_PAPER_ACCOUNT = RpcVerb(
    "keys", "open_paper_account", OpenPaperAccount, KeyView, callers=("gateway",), acts=True, timeout_s=10.0
)
MAKE_PAIR = RpcVerb("keys", "make_pair", MakePair, KeyPairView, callers=("gateway",), acts=True, timeout_s=15.0)
COMPLETE_PAIR = RpcVerb("keys", "complete_pair", CompletePair, KeyView, callers=("gateway",), acts=True, timeout_s=10.0)
LIST_PAIRS = RpcVerb("keys", "list_pairs", OwnKeys, KeyPairList, callers=("gateway",))
LIST = RpcVerb("keys", "list", OwnKeys, KeyList, callers=("gateway",))
CHECK = RpcVerb("keys", "check", KeyRef, KeyView, callers=("gateway",), acts=True, timeout_s=10.0)
DELETE = RpcVerb("keys", "delete", KeyRef, Empty, callers=("gateway",), acts=True)
DESCRIBE = RpcVerb("keys", "describe", KeyRef, KeyView, callers=("gateway", "execution"))
VERBS = (ADD, OPEN_PAPER_ACCOUNT, MAKE_PAIR, COMPLETE_PAIR, LIST_PAIRS, LIST, CHECK, DELETE, DESCRIBE)
