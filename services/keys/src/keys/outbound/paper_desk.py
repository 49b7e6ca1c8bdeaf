"""Opens accounts on the paper exchange through its control path."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from keys.domain.errors import VenueAway
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials
from shared.runtime.settings import EnvironmentNotOpen
from shared.trading.errors import Invalid
from shared.trading.money import plain

PATIENCE_S = 5.0


class _Opened(BaseModel):
    api_key: SecretStr
    api_secret: SecretStr


class HttpPaperDesk:
    """The paper exchange's control path.

    Args:
        control_url: Such as `http://127.0.0.1:8090`; None where there is no paper exchange.
        admin_token: Sent where the exchange asks for one.
    """

    def __init__(self, control_url: str | None, admin_token: SecretStr | None, http: httpx.AsyncClient) -> None:
        self._control_url = control_url.rstrip("/") if control_url else None
        self._admin_token = admin_token
        self._http = http

    async def open_account(self, balances: Mapping[str, Decimal]) -> Credentials:
        """A fresh account's key.

        Raises:
            EnvironmentNotOpen: There is no paper exchange here.
            Invalid: The exchange does not take these balances.
            VenueAway: It does not answer.
        """
        if self._control_url is None:
            raise EnvironmentNotOpen("There is no paper exchange here; nothing was opened.")
        reply = await self._post({coin: plain(amount) for coin, amount in balances.items()})
        if reply.status_code in {400, 422}:
            raise Invalid("The paper exchange does not take these balances.", code="invalid_balances")
        try:
            opened = _Opened.model_validate_json(reply.content) if reply.is_success else None
        except ValidationError:
            opened = None
        if opened is None:
            raise VenueAway(context={"http_status": reply.status_code})
        return Credentials(
            api_key=Secret.of_text(opened.api_key.get_secret_value()),
            api_secret=Secret.of_text(opened.api_secret.get_secret_value()),
        )

    async def _post(self, balances: Mapping[str, str]) -> httpx.Response:
        headers = {"X-Admin-Token": self._admin_token.get_secret_value()} if self._admin_token else {}
        try:
            return await self._http.post(
                f"{self._control_url}/paper/v1/accounts",
                json={"balances": dict(balances)},
                headers=headers,
                timeout=PATIENCE_S,
            )
        except httpx.HTTPError as error:
            raise VenueAway(context={"cause": type(error).__name__}) from None
