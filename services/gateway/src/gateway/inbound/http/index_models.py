"""What a user may ask an index to be."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.inbound.http.models import Ask
from gateway.inbound.http.texts import readable_name
from shared.contracts.fields import DecimalText
from shared.contracts.market import Buffering, FixedWeightView, IndexRulesView, Rhythm

MOST_NAMED = 200


def _weighting(value: Any) -> Any:
    return "market_cap" if value == "cap" else value


Weighting = Annotated[Literal["market_cap", "sqrt_cap", "equal", "fixed"], BeforeValidator(_weighting)]
Asset = Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[A-Za-z0-9]+$", examples=["BTC"])]


class FixedWeight(Ask):
    """A coin at a weight of its own."""

    asset: Asset
    weight: DecimalText


class RulesAsk(Ask):
    """How an index is put together; weights are fractions of the invested part, written as text.

    For the weighting `fixed` only `fixed_weights` is needed; for all others `size`.
    """

    size: Annotated[int | None, Field(ge=1, le=100, description="Number of constituents.")] = None
    weighting: Annotated[Weighting, Field(description="`cap` is another word for `market_cap`.")] = "market_cap"
    max_weight: Annotated[DecimalText, Field(description="The excess is spread over the others.")] = Decimal(1)
    min_weight: DecimalText = Decimal(0)
    include: Annotated[
        list[Asset],
        Field(
            default_factory=list,
            max_length=MOST_NAMED,
            description="Members whatever their rank, if they can be bought.",
        ),
    ]
    exclude: Annotated[list[Asset], Field(default_factory=list, max_length=MOST_NAMED, description="Never members.")]
    fixed_weights: Annotated[
        list[FixedWeight], Field(default_factory=list, max_length=100, description="Summing to exactly 1.")
    ]
    cash_share: Annotated[DecimalText, Field(description="Fraction that stays in quote currency.")] = Decimal(0)
    buffer: Annotated[
        Buffering,
        Field(
            description="`rank`: a newcomer needs rank ≤ buffer_enter × size, a member leaves past buffer_leave × size. "
            "`cap`: a challenger's cap must exceed the last member's by buffer_cap_percent."
        ),
    ] = "rank"
    buffer_enter: DecimalText = Decimal("0.7")
    buffer_leave: DecimalText = Decimal("1.3")
    buffer_cap_percent: DecimalText = Decimal(5)
    min_volume_24h: Annotated[DecimalText, Field(description="US dollars in 24 hours, by the source.")] = Decimal(0)
    min_age_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    reconstitution: Rhythm = "monthly"

    @model_validator(mode="after")
    def _enough(self) -> RulesAsk:
        if self.weighting == "fixed":
            if not self.fixed_weights:
                raise ValueError("The weighting fixed needs fixed_weights.")
        elif self.size is None:
            raise ValueError("size is needed: the number of constituents.")
        elif self.fixed_weights:
            raise ValueError("fixed_weights belong to the weighting fixed.")
        return self

    def view(self) -> IndexRulesView:
        """The rules as market-data takes them."""
        facts = self.model_dump(exclude={"size", "fixed_weights"})
        fixed = [FixedWeightView(asset=one.asset, weight=one.weight) for one in self.fixed_weights]
        return IndexRulesView(**facts, size=self.size or len(fixed), fixed_weights=fixed)


class IndexAsk(Ask):
    """An index of one's own."""

    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(readable_name)]
    description: Annotated[str, Field(max_length=500)] = ""
    rules: RulesAsk


class PreviewAsk(Ask):
    """Rules to be tried out; nothing is stored."""

    name: Annotated[str, Field(max_length=80), AfterValidator(readable_name)] = "preview"
    rules: RulesAsk
