"""What can be wrong with a key, a request to sign it, or its record."""

from __future__ import annotations

from shared.trading.errors import Conflict, Denied, Invalid, NotFound, Unavailable


class KeyNotFound(NotFound):
    """No such key, or somebody else's."""

    code = "key_not_found"
    title = "There is no such key"


class KeyRefused(Invalid):
    """The venue or our rules refuse the key; the code says why."""

    code = "key_refused"
    title = "This key cannot be used"


class KeyCanWithdraw(KeyRefused):
    """The key may move funds away."""

    code = "key_can_withdraw"
    title = "This key may withdraw funds; Basketry only takes keys that cannot"


class KeyPermissionNotAllowed(KeyRefused):
    """The key has a right outside the allow-list; `context["permission"]` names it."""

    code = "key_permission_not_allowed"
    title = "This key has a right that Basketry does not take"


class KeyReadOnly(KeyRefused):
    """The key cannot trade."""

    code = "key_read_only"
    title = "This key is read-only"


class KeyWithoutSpotTrade(KeyRefused):
    """The right to trade spot is missing."""

    code = "key_without_spot_trade"
    title = "This key may not trade spot"


class KeyRejectedByVenue(KeyRefused):
    """The venue does not accept what we signed: the secret is wrong."""

    code = "key_rejected_by_venue"
    title = "The venue rejects this key: its secret is wrong"


class KeyUnknownToVenue(KeyRefused):
    """The venue does not know the key: mistyped, deleted, or of another environment."""

    code = "key_unknown_to_venue"
    title = "The venue does not know this key; perhaps it belongs to another environment"


class KeyExpired(KeyRefused):
    """The key's life is over."""

    code = "key_expired"
    title = "This key has expired"


class KeyIpNotAllowed(KeyRefused):
    """The key is bound to addresses that are not ours."""

    code = "key_ip_not_allowed"
    title = "This key is bound to other addresses"


class KeyMalformed(KeyRefused):
    """The text cannot be a key."""

    code = "key_malformed"
    title = "This does not look like an API key and secret"


class KeyExpiryNotAccepted(KeyRefused):
    """A key for live trading works from any address, and nobody confirmed what that means."""

    code = "key_expiry_not_accepted"
    title = "This key is not bound to addresses: confirm that it expires after 90 days, or bind it"


class KeyPairNotFound(NotFound):
    """No such pair, somebody else's, or it became a key already."""

    code = "key_pair_not_found"
    title = "There is no such key pair"


class KeyPairExpired(NotFound):
    """The pair was not completed in time."""

    code = "key_pair_expired"
    title = "This key pair has expired"


class TooManyKeyPairs(Conflict):
    """The user has as many waiting pairs as there may be."""

    code = "too_many_key_pairs"
    title = "Too many key pairs wait for their registration"


class KeyAccountTaken(Conflict):
    """The venue account belongs to another user of Basketry."""

    code = "key_account_taken"
    title = "This venue account is connected to another user"


class KeyNotUsable(Denied):
    """The key is suspended or deleted."""

    code = "key_suspended"
    title = "This key is suspended"


class RecordTampered(Denied):
    """The stored record does not open with what it claims to be: nothing is signed with it."""

    code = "key_integrity_failed"
    title = "The stored key fails its integrity check"


class EndpointNotAllowed(Denied):
    """The endpoint is not on the list, or not for this caller."""

    code = "endpoint_not_allowed"
    title = "Calls to this endpoint are not signed"


class PayloadRefused(Denied):
    """The bytes are not exactly what the endpoint's schema allows."""

    code = "payload_refused"
    title = "These bytes are not signed"


class LinkIdRefused(Denied):
    """The client order id is not ours, of another environment, or was signed with another order."""

    code = "link_id_refused"
    title = "This client order id is not signed"


class ApprovalExpired(Denied):
    """The plan's time is over: money must not move late."""

    code = "approval_expired"
    title = "The plan has expired; nothing more is signed for it"


class CeilingExceeded(Denied):
    """The order goes beyond what the user approved."""

    code = "ceiling_exceeded"
    title = "The order exceeds what the plan allows"


class CeilingMissing(Denied):
    """No approved plan covers the order."""

    code = "ceiling_missing"
    title = "No approved plan covers this order"


class PriceBeyondPlan(Denied):
    """A buy above the plan's limit price, or a sell below it."""

    code = "price_beyond_plan"
    title = "The order's price is worse than the plan allows"


class SignatureTooLate(Denied):
    """The asker's own bound has passed: it was held up, and what it decided then may be wrong now."""

    code = "signature_too_late"
    title = "The call is signed too late; nothing was sent"


class VenueAway(Unavailable):
    """The venue does not answer; nothing was stored."""

    code = "venue_unavailable"
    title = "The venue does not answer; nothing was stored"


class AuditBroken(Denied):
    """The chain of audit records does not add up; `context["seq"]` is the first bad one."""

    code = "audit_broken"
    title = "The audit chain is broken"


class TradingHalted(Denied):
    """The kill switch stops the order; `context` says whose and why."""

    code = "trading_halted"
    title = "Trading is halted"


class LimitReached(Denied):
    """The order, or all orders of an hour or a day, would pass a limit; `context` names it and what is left."""

    code = "limit_reached"
    title = "A trading limit is reached"


class SlippageBeyondLimit(Denied):
    """The order's limit price is too far from the price that its plan showed."""

    code = "slippage_beyond_limit"
    title = "The order's price is too far from the plan's"


class PriceTooOld(Denied):
    """The price that the plan showed is older than allowed."""

    code = "price_too_old"
    title = "The plan's price is too old"


class LimitsRefused(Invalid):
    """Limits that are looser than the platform's, or none."""

    code = "limits_refused"
    title = "These limits cannot be set"


class GuardsChanged(Conflict):
    """Somebody changed the limits since they were read."""

    code = "guards_changed"
    title = "The limits have changed since you read them"


class HaltRefused(Invalid):
    """The kill switch cannot be thrown or released like this."""

    code = "halt_refused"
    title = "The kill switch cannot be set like this"


class HaltNotFound(NotFound):
    """No such halt stands, or it is somebody else's."""

    code = "halt_not_found"
    title = "There is no such halt"
