"""How long news wait for others, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from kit.town_virtual_loop import VirtualLoop

from execution.application.news import AWAITED_S, GATHER_S, LINGER_S, News
from execution.domain.venue_facts import Fact, OrderFact, Reply, ReplyFact, ReplyKind, Standing
from shared.trading.status import Side

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def an_order(link: str, standing: Standing) -> OrderFact:
    return OrderFact(
        link_id=link,
        venue_order_id=f"v-{link}",
        symbol="BTCUSDT",
        side=Side.BUY,
        standing=standing,
        quantity=Decimal(1),
        price=Decimal(1),
    )


def a_reply(link: str, kind: ReplyKind) -> ReplyFact:
    return ReplyFact(link_id=link, reply=Reply(kind=kind), at=NOW)


async def waits(news: News, fact: Fact) -> float:
    """Seconds from the fact until it may be booked."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    news.hear([fact])
    assert await news.collect() == [fact]
    return loop.time() - began


async def nobody_waits_for_an_order_that_is_over() -> None:
    news = News()
    news.expect({"a", "b"})
    assert await waits(news, a_reply("a", ReplyKind.ACCEPTED)) == pytest.approx(LINGER_S)
    assert await waits(news, an_order("a", Standing.FILLED)) == pytest.approx(GATHER_S)
    assert await waits(news, an_order("b", Standing.CANCELLED)) == 0


async def nobody_waits_for_an_order_that_was_refused() -> None:
    news = News()
    news.expect({"a"})
    assert await waits(news, a_reply("a", ReplyKind.REFUSED)) == 0
    assert await waits(news, an_order("z", Standing.OPEN)) == 0


async def nobody_waits_for_ever_for_an_order_that_the_resolver_books() -> None:
    news = News()
    news.expect({"a"})
    assert await waits(news, a_reply("a", ReplyKind.UNKNOWN)) == pytest.approx(GATHER_S)
    await asyncio.sleep(AWAITED_S)
    assert await waits(news, an_order("z", Standing.FILLED)) == 0


@pytest.mark.parametrize(
    "story",
    [
        nobody_waits_for_an_order_that_is_over,
        nobody_waits_for_an_order_that_was_refused,
        nobody_waits_for_ever_for_an_order_that_the_resolver_books,
    ],
)
def test_news_wait_only_for_what_is_still_to_come(story: Callable[[], Awaitable[None]]) -> None:
    async def told() -> None:
        await story()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(told())
