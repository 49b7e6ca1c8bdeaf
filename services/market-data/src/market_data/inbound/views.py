"""How index versions and quotes look to others."""

from __future__ import annotations

from dataclasses import asdict

from market_data.domain.index_version import IndexVersion
from shared.contracts.market import ConstituentView, ExclusionView, IndexVersionView, QuoteView
from shared.trading.quote import Quote


def index_view(version: IndexVersion) -> IndexVersionView:
    """The published form, in events and in answers."""
    composition = version.composition
    return IndexVersionView(
        index_id=version.index_id,
        name=composition.rules.name,
        description=composition.rules.description,
        environment=version.environment,
        version=version.version,
        weighting=composition.rules.weighting,
        weight_cap=composition.rules.weight_cap,
        as_of=composition.as_of,
        constituents=[ConstituentView(**asdict(item)) for item in composition.constituents],
        exclusions=[ExclusionView(**asdict(item)) for item in composition.exclusions],
    )


def quote_view(quote: Quote) -> QuoteView:
    """The published form of a quote."""
    return QuoteView(
        symbol=quote.symbol,
        bid=quote.bid,
        ask=quote.ask,
        last=quote.last,
        at=quote.at,
        buy_limit=quote.buy_limit,
        sell_limit=quote.sell_limit,
    )
