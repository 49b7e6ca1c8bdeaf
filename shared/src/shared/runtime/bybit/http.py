"""pybit's HTTP client with three changes: signatures come from elsewhere, nothing is retried, replies are not judged."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, cast

import structlog
from pybit.unified_trading import HTTP
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from shared.contracts.rpc.signing import Signature
from shared.runtime.bybit.calls import AskAgainError, Call, NotSentError, RawReply, Signer
from shared.trading.errors import PlatformError, Unavailable

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S = 3.05
READ_TIMEOUT_S = 5.0
SIGN_TIMEOUT_S = 3.5


class PlainHTTP(HTTP):
    """pybit for public calls.

    Args:
        endpoint: Scheme, host and port, such as `https://api.bybit.com`.
        adapter: Connection pool, shared by the sessions of one host.
    """

    def __init__(self, *, endpoint: str, adapter: HTTPAdapter, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        # An empty set of retry codes would become pybit's default list, and zero retries an error.
        super().__init__(  # type: ignore[no-untyped-call]  # pybit is untyped
            retry_codes={-1}, max_retries=1, force_retry=False, timeout=(CONNECT_TIMEOUT_S, read_timeout_s)
        )
        self.endpoint = endpoint.rstrip("/")
        self.client.trust_env = False
        self.client.max_redirects = 0  # a redirect would send signed headers to a host that we did not choose
        self.client.mount("http://", adapter)
        self.client.mount("https://", adapter)

    def _check_status_code(self, response: Response, method: str, path: str, params: Any) -> None:
        """Nothing: the status is judged with the reply."""

    def _handle_response(self, response: Response, *_: Any) -> RawReply:
        return RawReply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=response.content,
        )


class RemoteSignedHTTP(PlainHTTP):
    """pybit for private calls: exactly the bytes that go out are signed, by somebody else.

    Args:
        signer: Asked on `loop`, while the calling thread waits.
        loop: The running event loop; calls from its own thread are refused, for they would wait for themselves.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        adapter: HTTPAdapter,
        signer: Signer,
        loop: asyncio.AbstractEventLoop,
        read_timeout_s: float = READ_TIMEOUT_S,
        sign_timeout_s: float = SIGN_TIMEOUT_S,
    ) -> None:
        super().__init__(endpoint=endpoint, adapter=adapter, read_timeout_s=read_timeout_s)
        self._signer = signer
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._sign_timeout_s = sign_timeout_s
        self._calls = threading.local()

    def perform(self, call: Call, request: Callable[[], Any]) -> RawReply:
        """Run one of pybit's methods in this thread for `call`.

        Raises:
            RuntimeError: On the loop's own thread.
            AskAgainError, NotSentError, AbandonedError: Nothing was sent.
            requests.RequestException: The outcome is unknown.
        """
        if threading.get_ident() == self._loop_thread:
            raise RuntimeError("A venue call on the loop's own thread would wait for itself.")
        self._calls.current = call
        try:
            return cast("RawReply", request())
        finally:
            del self._calls.current

    def _prepare_headers(self, *_: Any, **__: Any) -> dict[str, str]:
        """Only private calls come here: the header marks them for `_prepare_request`."""
        return {"X-BAPI-RECV-WINDOW": str(self._calls.current.recv_window_ms)}

    def _prepare_request(self, method: str, path: str, params: Any, headers: dict[str, str]) -> PreparedRequest:
        request: PreparedRequest = super()._prepare_request(method, path, params, headers)  # type: ignore[no-untyped-call]
        if headers:
            call: Call = self._calls.current
            signature = self._signature(call, request, method)
            signed = signature.headers or {}
            stamp = signature.timestamp_ms or int(signed["X-BAPI-TIMESTAMP"])
            request.headers.update(signed)
            call.leave(stamp)
        return request

    def _signature(self, call: Call, request: PreparedRequest, method: str) -> Signature:
        path, _, query = request.path_url.partition("?")
        body = request.body or ""
        payload = query if method == "GET" else body if isinstance(body, str) else body.decode()
        asked = asyncio.run_coroutine_threadsafe(
            _ask(self._signer, call, method=method, path=path, payload=payload), self._loop
        )
        try:
            signature = asked.result(timeout=self._sign_timeout_s)
        except (FutureTimeout, TimeoutError):
            asked.cancel()
            raise NotSentError(Unavailable("The signer did not answer in time.", code="sign_timeout")) from None
        except PlatformError as error:
            raise NotSentError(error) from error
        if signature.headers is None:
            raise AskAgainError(signature.retry_after_ms or 0, signature.retry_reason or "later")
        return signature


async def _ask(signer: Signer, call: Call, *, method: str, path: str, payload: str) -> Signature:
    return await signer.sign(
        method=method, path=path, payload=payload, recv_window_ms=call.recv_window_ms, lane=call.lane
    )
