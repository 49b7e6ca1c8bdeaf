"""Opening accounts, giving keys, moving coins in and out: what a real venue does on its web site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from paper_exchange.application.exchange import Exchange
from paper_exchange.application.ports import PrivateFeed, RsaKeys, Secrets
from paper_exchange.domain.account import ApiKey
from paper_exchange.domain.records import AccountOpened, KeyIssued, KeyRevoked, Transferred
from paper_exchange.domain.refusal import Refused, request_error
from shared.trading.money import ZERO

UID_EPOCH_MS = 1_600_000_000_000
DEFAULT_PERMISSIONS: Mapping[str, tuple[str, ...]] = {"Spot": ("SpotTrade",)}


def _plain_trading() -> Mapping[str, tuple[str, ...]]:
    return dict(DEFAULT_PERMISSIONS)


OWN_ENVIRONMENT = "paper"
UNBOUND_LIFE_MS = 90 * 86_400_000
"""Keys that are not bound to an address die after 90 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """What a key may do; everything has the default of a plain trading key."""

    permissions: Mapping[str, tuple[str, ...]] = field(default_factory=_plain_trading)
    read_only: bool = False
    ips: tuple[str, ...] = ("*",)
    environment: str = OWN_ENVIRONMENT
    note: str = "paper"
    expires_ms: int = 0
    rsa_public_key: str = ""


class Accounts:
    """The venue's front office."""

    def __init__(self, exchange: Exchange, secrets: Secrets, feed: PrivateFeed, rsa: RsaKeys) -> None:
        self._exchange = exchange
        self._secrets = secrets
        self._feed = feed
        self._rsa = rsa

    def open(self, balances: Mapping[str, Decimal], terms: KeyTerms) -> ApiKey:
        """Open an account with play money and a key.

        The number grows with the seconds, so that a venue whose folder was emptied gives no number twice.

        Raises:
            Refused: the public key is none.
        """
        exchange = self._exchange
        self._check(terms)
        uid = str(max(exchange.ledger.last_uid + 1, (exchange.now_ms() - UID_EPOCH_MS) // 1000))
        exchange.record(AccountOpened(uid=uid, at_ms=exchange.now_ms()))
        for coin, amount in balances.items():
            if amount > 0:
                self.transfer(uid, coin, amount)
        return self.issue_key(uid, terms)

    def issue_key(self, uid: str, terms: KeyTerms, *, replaces: ApiKey | None = None) -> ApiKey:
        """Give an account a key, or give a key other rights.

        Raises:
            Refused: no such account, or the public key is none.
        """
        exchange = self._exchange
        exchange.account(uid)
        self._check(terms)
        api_key = replaces.api_key if replaces else self._secrets.api_key()
        exchange.record(
            KeyIssued(
                uid=uid,
                key_id=replaces.key_id if replaces else str(exchange.next_id()),
                api_key=api_key,
                api_secret=replaces.api_secret if replaces else self._secrets.api_secret(),
                rsa_public_key=terms.rsa_public_key,
                permissions={group: tuple(rights) for group, rights in terms.permissions.items()},
                read_only=terms.read_only,
                ips=terms.ips,
                environment=terms.environment,
                note=terms.note,
                expires_ms=_expiry(terms, exchange.now_ms()),
                at_ms=exchange.now_ms(),
            )
        )
        return exchange.ledger.keys[api_key]

    def _check(self, terms: KeyTerms) -> None:
        if terms.rsa_public_key and not self._rsa.readable(terms.rsa_public_key):
            raise request_error("rsa_public_key is no RSA public key in PEM")

    def key(self, api_key: str) -> ApiKey:
        """A key that works.

        Raises:
            Refused: unknown.
        """
        found = self._exchange.ledger.keys.get(api_key)
        if found is None:
            raise Refused(10003, "API key is invalid.")
        return found

    def revoke_key(self, api_key: str) -> None:
        """Stop a key from working.

        Raises:
            Refused: unknown.
        """
        self._exchange.record(KeyRevoked(api_key=self.key(api_key).api_key, at_ms=self._exchange.now_ms()))

    def transfer(self, uid: str, coin: str, amount: Decimal) -> str:
        """Move coins in (positive) or out (negative), as the user does beside us.

        Raises:
            Refused: no such account, or more taken out than is free.
        """
        exchange = self._exchange
        if exchange.account(uid).free(coin) + min(amount, ZERO) < 0:
            raise Refused(131212, "Insufficient balance.")
        transfer_id = str(exchange.next_id())
        kind = "TRANSFER_IN" if amount > 0 else "TRANSFER_OUT"
        exchange.record(
            Transferred(uid=uid, transfer_id=transfer_id, coin=coin, amount=amount, kind=kind, at_ms=exchange.now_ms())
        )
        self._feed.wallet_changed(uid, (coin,))
        return transfer_id


def _expiry(terms: KeyTerms, now_ms: int) -> int:
    if terms.expires_ms == 0 and "*" in terms.ips:
        return now_ms + UNBOUND_LIFE_MS
    return terms.expires_ms
