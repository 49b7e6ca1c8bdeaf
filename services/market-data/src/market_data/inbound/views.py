"""How index versions, differences, levels and quotes look to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from market_data.domain.difference import Difference
from market_data.domain.index_rules import Buffer, Buffering, IndexRules, Rhythm, Weighting
from market_data.domain.index_version import Constituent, IndexVersion, VersionHead
from market_data.domain.level import LevelPoint
from shared.contracts.market import (
    ConstituentView,
    ExclusionView,
    FixedWeightView,
    IndexRulesView,
    IndexVersionView,
    QuoteView,
)
from shared.contracts.rpc import market_data as verbs
from shared.trading.quote import Quote


def index_view(version: IndexVersion) -> IndexVersionView:
    """The published form, in events and in answers."""
    composition = version.composition
    rules = composition.rules
    return IndexVersionView(
        index_id=version.index_id,
        name=rules.name,
        description=rules.description,
        environment=version.environment,
        version=version.version,
        weighting=rules.weighting.value,
        weight_cap=rules.weight_cap,
        weight_floor=rules.weight_floor,
        cash_share=rules.cash_share,
        as_of=composition.as_of,
        constituents=[_constituent(item) for item in composition.constituents],
        exclusions=[ExclusionView(**asdict(item)) for item in composition.exclusions],
        owner="built_in" if version.user_id is None and not rules.index_id.startswith("preview") else "custom",
        reason=version.reason,
        rules=rules_view(rules),
    )


def _constituent(item: Constituent) -> ConstituentView:
    facts = asdict(item)
    return ConstituentView(**{name: value for name, value in facts.items() if name != "volume"}, volume_24h=item.volume)


def rules_view(rules: IndexRules) -> IndexRulesView:
    """The rules as others see and send them."""
    return IndexRulesView(
        size=rules.size,
        weighting=rules.weighting.value,
        max_weight=rules.weight_cap,
        min_weight=rules.weight_floor,
        include=list(rules.include),
        exclude=list(rules.exclude),
        fixed_weights=[FixedWeightView(asset=asset, weight=weight) for asset, weight in rules.fixed.items()],
        cash_share=rules.cash_share,
        buffer=rules.buffer.kind.value,
        buffer_enter=rules.buffer.enter,
        buffer_leave=rules.buffer.leave,
        buffer_cap_percent=rules.buffer.cap_percent,
        min_volume_24h=rules.min_volume,
        min_age_days=rules.min_age_days,
        reconstitution=rules.rhythm.value,
    )


def rules_of(draft: verbs.IndexDraft) -> IndexRules:
    """The rules that a user sent; they get their index id later."""
    sent = draft.rules
    return IndexRules(
        index_id="",
        name=draft.name,
        description=draft.description,
        size=sent.size,
        weighting=Weighting(sent.weighting),
        weight_cap=sent.max_weight,
        weight_floor=sent.min_weight,
        include=tuple(asset.upper() for asset in sent.include),
        exclude=tuple(asset.upper() for asset in sent.exclude),
        fixed={one.asset.upper(): one.weight for one in sent.fixed_weights},
        cash_share=sent.cash_share,
        buffer=Buffer(
            kind=Buffering(sent.buffer),
            enter=sent.buffer_enter,
            leave=sent.buffer_leave,
            cap_percent=sent.buffer_cap_percent,
        ),
        min_volume=sent.min_volume_24h,
        min_age_days=sent.min_age_days,
        rhythm=Rhythm(sent.reconstitution),
    )


def heads_view(index_id: str, heads: Sequence[VersionHead]) -> verbs.VersionList:
    """All versions of an index."""
    return verbs.VersionList(index_id=index_id, items=[verbs.VersionHead(**asdict(one)) for one in heads])


def difference_view(found: Difference) -> verbs.IndexDiff:
    """What changed between two versions."""
    changes = [
        verbs.WeightChange(
            asset=one.asset,
            symbol=one.symbol,
            change=one.kind,
            before=one.before,
            after=one.after,
            reason=one.reason,
        )
        for one in found.changes
    ]
    return verbs.IndexDiff(
        index_id=found.after.index_id,
        from_version=found.before.version,
        to_version=found.after.version,
        turnover=found.turnover,
        changes=changes,
    )


def levels_view(index_id: str, points: Sequence[LevelPoint]) -> verbs.LevelList:
    """A level's points."""
    items = [verbs.LevelPoint(at=one.at, level=one.level, version=one.version, stale=list(one.stale)) for one in points]
    return verbs.LevelList(index_id=index_id, items=items)


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
