"""From a plan to its end: asked, ordered once, watched until every leg is settled."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import aclosing

from basketry_cli.exits import Exit
from basketry_cli.following import Following
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.live_table import LiveTable
from basketry_cli.naming import IndexNames
from basketry_cli.terminal import Terminal
from basketry_cli.views.numbers import money, number, short, unvalued
from basketry_cli.views.plan import is_blocked, pays_out, plan_view, question
from basketry_cli.views.position import TRADING, live_panel, newest_run

BEGIN_S = 60.0
VALUED_S = 6.0
"""How long the last picture waits for the first valuation."""


async def trade(client: GatewayClient, terminal: Terminal, plan: Json, *, key: str, yes: bool) -> Exit:
    """Show a plan, ask, order it, and watch it to its end.

    Raises:
        Wish: programs must say yes beforehand.
        ApiProblem: it was refused; nothing is traded.
        OrderUnanswered: it may have been taken.
    """
    names = IndexNames()
    if terminal.as_json and not yes:
        terminal.confirm(question(plan))  # says that nobody can be asked
    if not terminal.as_json:
        await names.learn(client, [plan])
        terminal.out.print(plan_view(names.named(plan)))
    if is_blocked(plan) or not plan.get("executable", True):
        if terminal.as_json:
            terminal.line({"plan": plan, "position": None})
        terminal.note("Nothing was ordered. Your money: what you hold is as it was.")
        return Exit.REFUSED if is_blocked(plan) else Exit.OK
    if not yes and not terminal.confirm(question(plan)):
        terminal.note("Nothing was ordered.")
        return Exit.REFUSED
    before = await client.position(str(plan["position_id"])) if plan.get("position_id") else None
    accepted = await client.execute(plan, idempotency_key=key or str(uuid.uuid4()))
    position = await _watched(client, terminal, plan, str(accepted["position_id"]), before, names)
    if terminal.as_json:
        terminal.line({"plan": plan, "position": position})
    return _ended(terminal, plan, position, before or {})


async def _watched(
    client: GatewayClient, terminal: Terminal, plan: Json, position_id: str, before: Json | None, names: IndexNames
) -> Json:
    try:
        return await _until_settled(client, terminal, plan, position_id, before, names)
    except (asyncio.CancelledError, KeyboardInterrupt):
        terminal.note(f"The order goes on without this window: ./basketry watch {short(position_id)}")
        raise


async def _until_settled(
    client: GatewayClient, terminal: Terminal, plan: Json, position_id: str, before: Json | None, names: IndexNames
) -> Json:
    """Redraws with every lot of events; a settled position is awaited a little for its first valuation."""
    loop = asyncio.get_running_loop()
    late, valued = loop.time() + BEGIN_S, 0.0
    begun = before is None
    table = LiveTable(terminal.err if terminal.as_json else terminal.out)
    async with aclosing(Following(client).changes(every_s=1.0)) as changes:
        with table:
            async for _ in changes:
                position = await client.position(position_id)
                begun = begun or _has_begun(position, plan, before or {})
                table.draw(
                    live_panel(names.named(position)), turn=_turn(position), caption="Ctrl-C leaves; the order goes on"
                )
                settled = begun and position["status"] not in TRADING
                valued = valued or (loop.time() + VALUED_S if settled else 0.0)
                if settled and (_is_valued(position) or loop.time() > valued):
                    break
                if not begun and loop.time() > late:
                    break
    table.conclude()
    return position


def _has_begun(position: Json, plan: Json, before: Json) -> bool:
    """Whether a position that stood before shows the run of a plan; until then it only looks settled."""
    legs = any(leg.get("run_id") == plan["plan_id"] for leg in position.get("legs", []))
    return legs or position["status"] in TRADING or position["version"] >= before["version"] + 2


def _is_valued(position: Json) -> bool:
    """Whether its newest value is of now: that of what stands, nothing for what is sold."""
    return bool(position.get("pnl")) and not unvalued(position) if position["status"] != "FAILED" else True


def _turn(position: Json) -> str:
    legs = newest_run(position.get("legs", []))
    filled = sum(leg["status"] == "FILLED" for leg in legs)
    return f"{short(position['position_id'])} {position['status']}: {filled} of {len(legs)} legs filled"


def _ended(terminal: Terminal, plan: Json, position: Json, before: Json) -> Exit:
    """The receipt in a sentence."""
    status, kind = position["status"], plan["kind"]
    good = {"close": "CLOSED"}.get(kind, "ACTIVE")
    if status == good and position.get("complete") is not False:
        words = {
            "buy": f"bought for {money(position.get('invested'))} USDT",
            "close": sold_words(position, before, by_order=not pays_out(plan)),
        }
        terminal.note(f"{words.get(kind, f'{kind} is done')}: {position['position_id']}")
        return Exit.OK
    if status == "FAILED":
        terminal.note("Nothing was bought; your USDT is still on the account. The reasons stand above.")
    elif status in TRADING:
        terminal.note(f"Not settled yet: ./basketry watch {short(position['position_id'])}")
    else:
        terminal.note("Not every leg was traded; what was not spent is still on the account. The reasons stand above.")
    return Exit.INCOMPLETE


def sold_words(position: Json, before: Json, *, by_order: bool = True) -> str:
    """How much came back with a close: what its sales brought, and all that was paid out if that is another amount."""
    brought, paid = (number(position.get(name)) - number(before.get(name)) for name in ("proceeds", "withdrawn"))
    words = f"sold for {money(brought)} USDT" if by_order and brought > 0 else "sold" if by_order else "closed"
    if paid <= 0 or (by_order and money(paid) == money(brought)):
        return words
    return f"{words}, {money(paid)} USDT paid out{' with its own cash' if by_order else ''}"
