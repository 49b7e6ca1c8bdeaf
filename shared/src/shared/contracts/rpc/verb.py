"""A question that a service answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.contracts.fields import Contract

Request = TypeVar("Request", bound=Contract)
Reply = TypeVar("Reply", bound=Contract)


@dataclass(frozen=True, slots=True)
class RpcVerb(Generic[Request, Reply]):
    """One verb of one service.

    Attributes:
        callers: The services whose nkey may publish on its subject.
        acts: True when the answer has a side effect: after a time-out its outcome is unknown.
    """

    service: str
    verb: str
    request: type[Request]
    reply: type[Reply]
    callers: tuple[str, ...]
    acts: bool = False
    timeout_s: float = 5.0

    @property
    def subject(self) -> str:
        """`rpc.<service>.v1.<verb>`."""
        return f"rpc.{self.service}.v1.{self.verb}"


class Empty(Contract):
    """Nothing to say."""
