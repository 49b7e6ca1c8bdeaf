"""Streams, durable consumers and who may ask whom: the one description that the provisioner executes."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.registry import EVENTS

SERVICES = ("auth", "keys", "market_data", "execution", "reconciler", "gateway")
DAY_S = 86_400
DUPLICATE_WINDOW_S = 600
ACK_WAIT_S = 30
MAX_DELIVER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """A JetStream stream: limits retention, file storage, duplicate window 10 minutes."""

    name: str
    subjects: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    max_age_s: int = 14 * DAY_S
    max_bytes: int = 1 << 30
    max_msg_size: int = 1 << 20
    discard_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerSpec:
    """A durable pull consumer with explicit acks; never shared by two handlers.

    Attributes:
        max_ack_pending: Messages under way over all replicas.
        at_once: Messages that one replica works on at the same time.
    """

    service: str
    purpose: str
    stream: str
    filter_subject: str
    max_ack_pending: int = 64
    at_once: int = 8

    @property
    def name(self) -> str:
        """`<service>-<purpose>`, dashes throughout."""
        return f"{self.service.replace('_', '-')}-{self.purpose}"


STREAMS: tuple[StreamSpec, ...] = (
    StreamSpec(name="ORDERS", subjects=("orders.>",), discard_new=True),
    StreamSpec(name="EXECUTION", subjects=("execution.>",)),
    StreamSpec(name="PORTFOLIO", subjects=("portfolio.>",), max_age_s=3 * DAY_S),
    StreamSpec(name="MARKET", subjects=("market.>",)),
    StreamSpec(name="ACCOUNT", subjects=("account.>",)),
    StreamSpec(name="TASKS", subjects=("tasks.>",), max_age_s=DAY_S),
    StreamSpec(
        name="DLQ",
        subjects=(
            "dlq.>",
            "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
            "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
        ),
        max_age_s=90 * DAY_S,
    ),
    StreamSpec(name="FEED", sources=("ORDERS", "EXECUTION", "PORTFOLIO", "ACCOUNT"), max_age_s=3 * DAY_S),
)

EXECUTION_ORDERS = ConsumerSpec(service="execution", purpose="orders", stream="ORDERS", filter_subject="orders.v1.>")
EXECUTION_TASKS = ConsumerSpec(
    service="execution", purpose="tasks", stream="TASKS", filter_subject="tasks.v1.book_venue_record.>"
)
KEYS_ORDERS = ConsumerSpec(service="keys", purpose="orders", stream="ORDERS", filter_subject="orders.v1.>")
RECONCILER_EXECUTION = ConsumerSpec(
    service="reconciler", purpose="execution", stream="EXECUTION", filter_subject="execution.v1.>"
)
RECONCILER_TICKS = ConsumerSpec(
    service="reconciler", purpose="ticks", stream="TASKS", filter_subject="tasks.v1.reconcile_all_positions.>"
)
RECONCILER_JOBS = ConsumerSpec(
    service="reconciler", purpose="jobs", stream="TASKS", filter_subject="tasks.v1.reconcile_account.>"
)
GATEWAY_EXECUTION = ConsumerSpec(
    service="gateway", purpose="execution", stream="EXECUTION", filter_subject="execution.v1.>"
)
GATEWAY_PORTFOLIO = ConsumerSpec(
    service="gateway", purpose="portfolio", stream="PORTFOLIO", filter_subject="portfolio.v1.>"
)
GATEWAY_MARKET = ConsumerSpec(service="gateway", purpose="market", stream="MARKET", filter_subject="market.v1.>")
GATEWAY_ACCOUNT = ConsumerSpec(service="gateway", purpose="account", stream="ACCOUNT", filter_subject="account.v1.>")
GATEWAY_DLQ = ConsumerSpec(service="gateway", purpose="dlq", stream="DLQ", filter_subject=">")

CONSUMERS: tuple[ConsumerSpec, ...] = (
    EXECUTION_ORDERS,
    EXECUTION_TASKS,
    KEYS_ORDERS,
    RECONCILER_EXECUTION,
    RECONCILER_TICKS,
    RECONCILER_JOBS,
    GATEWAY_EXECUTION,
    GATEWAY_PORTFOLIO,
    GATEWAY_MARKET,
    GATEWAY_ACCOUNT,
    GATEWAY_DLQ,
)


def published_by(service: str) -> tuple[str, ...]:
    """Subject patterns that a service may publish: its own events, and dead letters of its consumers."""
    own = {f"{spec.domain}.v{spec.version}.{spec.name}.>" for spec in EVENTS if spec.owner == service}
    return (*sorted(own), f"dlq.{service}.>")


def consumers_of(service: str) -> tuple[ConsumerSpec, ...]:
    """The durable consumers of a service."""
    return tuple(spec for spec in CONSUMERS if spec.service == service)


def streams_with(domain: str) -> list[str]:
    """The streams that hold a domain's events: its own, and those that source it."""
    own = [spec.name for spec in STREAMS if f"{domain}.>" in spec.subjects]
    return own + [spec.name for spec in STREAMS if set(own) & set(spec.sources)]


def readers_of(domain: str, version: int, name: str) -> list[ConsumerSpec]:
    """The durable consumers that are fed an event."""
    streams = streams_with(domain)
    tokens = [domain, f"v{version}", name, "_", "_"]
    return [spec for spec in CONSUMERS if spec.stream in streams and _matches(spec.filter_subject, tokens)]


def _matches(pattern: str, tokens: list[str]) -> bool:
    wanted = pattern.split(".")
    if wanted[-1] == ">":
        return len(tokens) >= len(wanted) and _matches(".".join(wanted[:-1]) or "*", tokens[: len(wanted) - 1] or ["_"])
    return len(wanted) == len(tokens) and all(w in {"*", t} for w, t in zip(wanted, tokens, strict=True))
