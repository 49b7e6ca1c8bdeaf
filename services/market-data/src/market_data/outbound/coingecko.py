"""Market caps from CoinGecko through pycoingecko, in a thread, with bounded time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import requests
from aiolimiter import AsyncLimiter
from pycoingecko.api import CoinGeckoAPI
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from market_data.domain.coin import BrokenRow, SourceCoin, SourceList
from market_data.domain.errors import SourceUnavailable
from shared.runtime.logging import get_logger
from shared.trading.clock import Clock
from shared.trading.money import MAX_DIGITS

EXCLUDING = (
    "stablecoins",
    "wrapped-tokens",
    "liquid-staking-tokens",
    "liquid-restaking-tokens",
    "bridged-tokens",
    "tokenized-gold",
    "tokenized-stock",
    "tokenized-treasury-bonds-t-bonds",
    "leveraged-token",
)
"""CoinGecko's ids of the categories that keep a coin out of an index."""

PAGE = 250
ANSWER_S = 10
CALLS_A_MINUTE = 10
"""Keyless calls that CoinGecko grants an address in practice; the first ten go out at once."""

SMALLEST, LARGEST = Decimal("1e-24"), Decimal("1e24")
"""Outside of these a price or a market cap in US dollars is nonsense."""

log = get_logger(__name__)


def _sane(value: Decimal) -> Decimal:
    if not SMALLEST <= value <= LARGEST or len(value.as_tuple().digits) > MAX_DIGITS:
        raise ValueError("must be above zero and of sensible size")
    return value


def _sane_or_none(value: Decimal) -> Decimal | None:
    """A volume that makes no sense is one that nobody knows; it breaks no row."""
    usable = value.is_finite() and 0 <= value <= LARGEST and len(value.as_tuple().digits) <= MAX_DIGITS
    return value if usable else None


Volume = Annotated[Decimal | None, Field(allow_inf_nan=True), AfterValidator(_sane_or_none)]
Positive = Annotated[Decimal, Field(allow_inf_nan=False), AfterValidator(_sane)]


class CoinRow(BaseModel):
    """The fields of a `/coins/markets` row that we use."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(min_length=1, max_length=128)
    symbol: str = Field(min_length=1, max_length=64)
    name: str = Field(max_length=256)
    current_price: Positive
    market_cap: Positive
    last_updated: AwareDatetime
    total_volume: Volume | None = None


def decode(body: bytes | str) -> Any:
    """JSON with every number as a `Decimal`; one that no `Decimal` can hold becomes NaN, and so breaks only its row."""
    return json.loads(body, parse_float=_number, parse_int=_number, parse_constant=_number)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def read_page(rows: Sequence[Any], *, categories: Mapping[str, frozenset[str]], at: datetime) -> SourceList:
    """Tell sound rows from broken ones; one broken row never spoils the page.

    Args:
        rows: Decoded JSON with numbers as `Decimal`.
        categories: Excluding categories by coin id.
        at: When the page arrived.
    """
    coins: dict[str, SourceCoin] = {}
    broken: list[BrokenRow] = []
    for place, raw in enumerate(rows, start=1):
        try:
            row = CoinRow.model_validate(raw)
        except ValidationError as error:
            broken.append(_broken(raw, place, error))
            continue
        if row.id in coins:
            broken.append(BrokenRow(source_id=row.id, symbol=row.symbol.upper(), place=place, why="twice"))
            continue
        coins[row.id] = SourceCoin(
            source_id=row.id,
            symbol=row.symbol.upper(),
            name=row.name,
            price=row.current_price,
            market_cap=row.market_cap,
            updated_at=row.last_updated,
            place=place,
            categories=categories.get(row.id, frozenset()),
            volume=row.total_volume,
        )
    return SourceList(coins=tuple(coins.values()), broken=tuple(broken), at=at)


def _broken(raw: Any, place: int, error: ValidationError) -> BrokenRow:
    facts = raw if isinstance(raw, dict) else {}
    first = error.errors(include_input=False, include_url=False)[0]
    why = f"{'.'.join(map(str, first['loc']))} {first['type']}".strip()
    return BrokenRow(
        source_id=str(facts.get("id") or "?")[:128],
        symbol=str(facts.get("symbol") or "?").upper()[:64],
        place=place,
        why=why,
    )


class ExactCoinGecko(CoinGeckoAPI):
    """pycoingecko reads numbers as floats; the same answer is read a second time with every digit kept.

    Args:
        base_url: Such as `https://api.coingecko.com/api/v3/`.
        demo_api_key: Optional key of CoinGecko's demo plan.
    """

    def __init__(self, base_url: str, demo_api_key: str = "") -> None:
        super().__init__(demo_api_key=demo_api_key)
        self.api_base_url = base_url if base_url.endswith("/") else base_url + "/"
        self.request_timeout = ANSWER_S
        self._body = b""
        self.session.hooks["response"].append(self._keep)

    def exact_markets(self, **query: Any) -> list[Any]:
        """One page of `/coins/markets` in US dollars, largest cap first, numbers as `Decimal`."""
        self.get_coins_markets("usd", order="market_cap_desc", per_page=PAGE, page=1, **query)
        page = decode(self._body)
        if not isinstance(page, list):
            raise ValueError(f"a list was expected, not {type(page).__name__}")  # noqa: TRY004 - as pycoingecko tells it
        return page

    def _keep(self, response: requests.Response, **_: Any) -> None:
        self._body = response.content


class CoinGeckoSource:
    """The coins of one pull: a page of the largest, and who belongs to an excluding category.

    Args:
        base_url: Where CoinGecko, or its replay, answers.
    """

    def __init__(self, base_url: str, clock: Clock, *, demo_api_key: str = "") -> None:
        self._api = ExactCoinGecko(base_url, demo_api_key)
        self._clock = clock
        # One thread: calls are made one after the other, and a hanging one cannot pile up others.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="coingecko")
        self._pace = AsyncLimiter(CALLS_A_MINUTE, 60)

    async def coins(self) -> SourceList:
        """The largest coins.

        Raises:
            SourceUnavailable: No usable page in time; a category that is refused is only logged, because a coin
                outside the reviewed table is never taken anyway.
        """
        page = await self._markets()
        at = self._clock.now()
        categories: dict[str, frozenset[str]] = {}
        for category in EXCLUDING:
            for source_id in await self._members(category):
                categories[source_id] = categories.get(source_id, frozenset()) | {category}
        return read_page(page, categories=categories, at=at)

    async def close(self) -> None:
        """Give the thread back without waiting for a call under way."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _members(self, category: str) -> list[str]:
        try:
            rows = await self._markets(category=category)
        except SourceUnavailable as error:
            log.warning("category_not_answered", category=category, **error.context)
            return []
        return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]

    async def _markets(self, **query: Any) -> list[Any]:
        loop = asyncio.get_running_loop()
        async with self._pace:
            try:
                async with asyncio.timeout(2 * ANSWER_S):
                    return await loop.run_in_executor(self._thread, lambda: self._api.exact_markets(**query))
            except (ValueError, requests.RequestException, TimeoutError) as error:
                # pycoingecko raises ValueError with the answer's body, which may hold anything: only its kind is told.
                raise SourceUnavailable(context={"cause": type(error).__name__}) from error
