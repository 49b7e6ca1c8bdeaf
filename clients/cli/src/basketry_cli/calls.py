"""How calls reach a gateway: signed in, refreshed once when a token has ended, page after page, or as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from basketry_cli.problems import ApiProblem

Json = dict[str, Any]
SILENCE_S = 45.0
"""The stream sends a comment every 15 s: after three missing ones the connection is dead."""
ORDER_PAUSE_S = 1.0
_REFRESHES = 2
"""The first may bring tokens that another command got, and that have ended as well."""
PAGE = 200
"""Items of one answer at most: what the API gives."""


@dataclass(slots=True)
class Tokens:
    """A session: both are secrets and are never printed."""

    access: str
    refresh: str

    def __repr__(self) -> str:
        """Without the tokens themselves."""
        return "Tokens(…)"


class Calls:
    """One user's way into a gateway.

    Args:
        url: Such as `http://127.0.0.1:8080`.
        tokens: Of an earlier sign-in.
        silence_s: For how long a stream may say nothing before it counts as dead.
        order_pause_s: Before an order that was not answered is sent again; longer each time.
    """

    def __init__(
        self,
        url: str,
        tokens: Tokens | None = None,
        *,
        silence_s: float = SILENCE_S,
        order_pause_s: float = ORDER_PAUSE_S,
    ) -> None:
        self.url = url.rstrip("/")
        self.tokens = tokens
        self.silence_s = silence_s
        self._order_pause_s = order_pause_s
        local = httpx.URL(self.url).host in {"127.0.0.1", "localhost", "::1"}
        self._http = httpx.AsyncClient(base_url=self.url, timeout=15, trust_env=not local)

    async def __aenter__(self) -> Self:
        """The connections open when they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._http.aclose()

    async def answers(self) -> bool:
        """Whether a server is there at all, whatever it says."""
        try:
            await self._http.get("/livez", timeout=3)
        except httpx.TransportError:
            return False
        return True

    async def refresh(self) -> Tokens:
        """Trade the refresh token for a new pair; it works once."""
        if self.tokens is None:
            raise ApiProblem(401, {"code": "token_missing", "detail": "Sign in first."})
        return self._keep(await self._call("POST", "/api/account/refresh", {"refresh_token": self.tokens.refresh}))

    async def _pages(self, path: str, most: int | None = None) -> list[Json]:
        """A list with all its pages, newest first; only so many where a number is given."""
        found: list[Json] = []
        cursor = ""
        while most is None or len(found) < most:
            asked = {"limit": str(PAGE if most is None else min(PAGE, most - len(found)))}
            answer = await self._call("GET", f"{path}?{urlencode(asked | ({'cursor': cursor} if cursor else {}))}")
            page = items_of(answer)
            found += page
            cursor = str(answer.get("next_cursor") or "")
            if not cursor or not page:
                break
        return found

    async def _streamed(self, path: str, headers: Json, params: Json | None = None) -> httpx.Response:
        """An open answer; a token that is refused is refreshed.

        Raises:
            ApiProblem: it is an error.
        """
        answer = await self._open(path, headers, params)
        for _ in range(_REFRESHES):
            if answer.status_code == httpx.codes.UNAUTHORIZED and self.tokens is not None:
                await answer.aclose()
                await self.refresh()
                answer = await self._open(path, headers, params)
        if answer.is_error:
            try:
                await answer.aread()
                raise ApiProblem.of(answer)
            finally:
                await answer.aclose()
        return answer

    async def _open(self, path: str, headers: Json, params: Json | None) -> httpx.Response:
        timeout = httpx.Timeout(15, read=self.silence_s)
        sent = {**headers, **self._bearer()}
        request = self._http.build_request("GET", path, headers=sent, params=params, timeout=timeout)
        return await self._http.send(request, stream=True)

    async def _call(self, method: str, path: str, body: Json | None = None, headers: Json | None = None) -> Json:
        answer = await self._http.request(method, path, json=body, headers={**(headers or {}), **self._bearer()})
        signed_in = self.tokens is not None and not path.startswith("/api/account/")
        for _ in range(_REFRESHES):
            if answer.status_code == httpx.codes.UNAUTHORIZED and signed_in:
                await self.refresh()
                answer = await self._http.request(
                    method, path, json=body, headers={**(headers or {}), **self._bearer()}
                )
        if answer.is_error:
            raise ApiProblem.of(answer)
        found: Json = answer.json() if answer.content else {}
        return found

    def _keep(self, answer: Json) -> Tokens:
        self.tokens = Tokens(access=answer["access_token"], refresh=answer["refresh_token"])
        return self.tokens

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.access}"} if self.tokens else {}


def items_of(answer: Json | list[Json]) -> list[Json]:
    """The items of a page."""
    return answer if isinstance(answer, list) else list(answer["items"])
