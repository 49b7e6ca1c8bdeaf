"""What our books say is on an account: to be compared with what the venue says."""

from __future__ import annotations

from decimal import Decimal

from kit.stage import Customer, Stage


async def booked(stage: Stage, customer: Customer) -> dict[str, Decimal]:
    """Per coin, positions and own coins together, by the journal."""
    books = await stage.books()
    try:
        rows = await books.fetch(
            "select asset, sum(amount) as total from execution.journal "
            "where account_id = $1 and ledger in ('position', 'unassigned') group by asset",
            customer.account_id,
        )
    finally:
        await books.close()
    return {row["asset"]: row["total"] for row in rows}
