"""Which rights a venue key may have: an allow-list by value.

Names of the rights: Bybit v5, user/apikey-info, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keys.domain.errors import KeyCanWithdraw, KeyPermissionNotAllowed, KeyReadOnly, KeyWithoutSpotTrade

REQUIRED = ("Spot", "SpotTrade")
ALLOWED = frozenset({REQUIRED, ("Exchange", "ExchangeHistory"), ("NFT", "NFTQueryProductList")})
"""(group, right): trading spot, and lists of history that move nothing."""


def judge(permissions: Mapping[str, Sequence[str]], *, read_only: bool) -> None:
    """Refuse a key that can do too much or too little.

    The dangerous rights are named first, so that somebody who fixes one thing fixes the right one.

    Raises:
        KeyCanWithdraw: It may withdraw.
        KeyPermissionNotAllowed: Any other right outside the allow-list; `context["permission"]` is `Group.Right`.
        KeyReadOnly: It cannot trade.
        KeyWithoutSpotTrade: It cannot trade spot.
    """
    granted = [(group, right) for group in sorted(permissions) for right in sorted(permissions[group])]
    for group, right in granted:
        if right == "Withdraw":
            raise KeyCanWithdraw(
                "This key may withdraw funds, so it was not stored. Make a key at the venue with only the "
                "right to trade spot.",
                context={"permission": f"{group}.{right}"},
            )
    for group, right in granted:
        if (group, right) not in ALLOWED:
            name = f"{group}.{right}"
            raise KeyPermissionNotAllowed(
                f"This key has the right {name}, which Basketry does not take. Make a key with only the right to "
                "trade spot.",
                context={"permission": name},
            )
    if read_only:
        raise KeyReadOnly("This key is read-only and could not trade. Make one with the right to trade spot.")
    if REQUIRED not in granted:
        raise KeyWithoutSpotTrade("This key may not trade spot. Switch on the right “Trade” under “Spot”.")
