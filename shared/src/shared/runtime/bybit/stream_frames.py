"""Frames of the private socket, read row by row: what cannot be read is set aside and named, never guessed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.runtime.bybit.judgement import UnparsableError, decode, parse_row
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, WalletRow

Row = TypeVar("Row", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateFrame:
    """One frame.

    Attributes:
        operation: `auth`, `subscribe`, `pong`, … for answers; empty for data.
        success: Of an answer.
        faults: Why parts of the frame were set aside; empty when all was read.
    """

    operation: str = ""
    success: bool = True
    message: str = ""
    orders: tuple[OrderRow, ...] = ()
    executions: tuple[ExecutionRow, ...] = ()
    wallets: tuple[WalletRow, ...] = ()
    faults: tuple[str, ...] = field(default=())


def read_frame(text: str | bytes) -> PrivateFrame:
    """Read one frame; never raises."""
    try:
        document = decode(text)
    except UnparsableError as error:
        return PrivateFrame(faults=(str(error)[:200],))
    topic = document.get("topic")
    if isinstance(topic, str):
        return _data(topic.partition(".")[0], document.get("data"))
    operation = document.get("op")
    if not isinstance(operation, str):
        return PrivateFrame(faults=("neither topic nor op",))
    return PrivateFrame(
        operation=operation,
        success=document.get("success", True) is True,
        message=str(document.get("ret_msg", ""))[:200],
    )


def _data(topic: str, data: Any) -> PrivateFrame:
    if not isinstance(data, list):
        return PrivateFrame(faults=(f"{topic}: data is no list",))
    faults: list[str] = []
    match topic:
        case "order":
            orders = _rows(OrderRow, data, faults)
            return PrivateFrame(orders=orders, faults=tuple(faults))
        case "execution":
            executions = _rows(ExecutionRow, data, faults)
            return PrivateFrame(executions=executions, faults=tuple(faults))
        case "wallet":
            wallets = _rows(WalletRow, data, faults)
            return PrivateFrame(wallets=wallets, faults=tuple(faults))
        case _:
            return PrivateFrame()  # a topic that we did not ask for


def _rows(model: type[Row], data: list[Any], faults: list[str]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for item in data:
        try:
            rows.append(parse_row(model, item))
        except UnparsableError as error:
            faults.append(str(error)[:200])
    return tuple(rows)
