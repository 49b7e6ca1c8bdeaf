"""The part that plans and orders share: what to buy, for how much, on which account."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from gateway.inbound.http.models import Amount, Ask


class BuyingAsk(Ask):
    """What to buy; `account` and `account_id` are two spellings of the same."""

    index: str | None = Field(default=None, min_length=1, max_length=64)
    amount: Amount | None = Field(default=None, description="USDT to spend at most.")
    account_id: UUID | None = Field(default=None, description="The key that trades.")
    account: UUID | None = Field(default=None, description="Another spelling of `account_id`; send either.")

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        if self.account is not None and self.account_id is not None and self.account != self.account_id:
            raise ValueError("account and account_id name different accounts; send one of them.")
        return self

    @property
    def on_account(self) -> UUID | None:
        """The account, however it was spelled."""
        return self.account_id or self.account

    @property
    def buying(self) -> tuple[str | None, Amount | None, UUID | None]:
        """The three parts of a purchase, each None when it was left out."""
        return self.index, self.amount, self.on_account
