"""Answers: decode, one use case, encode. Who may ask what is decided by the bus: each caller has its own subjects."""

from __future__ import annotations

from pydantic import SecretStr

from keys.application.add_key import NewKey
from keys.application.sign import AskAgain, CallToSign, Signed
from keys.domain.endpoints import Caller
from keys.domain.key_pair import KeyPair
from keys.domain.lane import Lane
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials
from keys.inbound.guard_rpc import guard_answers
from keys.inbound.use_cases import UseCases
from shared.contracts.account import KeyView
from shared.contracts.rpc import keys as contract
from shared.contracts.rpc import signing
from shared.contracts.rpc.keys import KeyList, KeyRef, OwnKeys
from shared.contracts.rpc.signing import Signature, SignRequest, StreamLogin
from shared.contracts.rpc.verb import Empty
from shared.runtime.rpc import RpcRouter


def answers(cases: UseCases) -> RpcRouter:
    """All the questions that keys answers."""
    router = RpcRouter()
    _custody(router, cases)
    _signing(router, cases)
    guard_answers(router, cases)
    return router


def _custody(router: RpcRouter, cases: UseCases) -> None:
    @router.answer(contract.ADD)
    async def add(request: contract.AddKey) -> KeyView:
        credentials = Credentials(api_key=_typed(request.api_key), api_secret=_typed(request.api_secret))
        new = NewKey(
            user_id=request.user_id,
            label=request.label,
            environment=request.environment,
            credentials=credentials,
            accepts_expiry=request.accepts_expiry,
        )
        return cases.view(await cases.add(new))

    @router.answer(contract.MAKE_PAIR)
    async def make_pair(request: contract.MakePair) -> contract.KeyPairView:
        return pair_view(await cases.make_pair(request.user_id, request.label, request.environment))

    @router.answer(contract.COMPLETE_PAIR)
    async def complete_pair(request: contract.CompletePair) -> KeyView:
        key = await cases.complete_pair(
            request.user_id, request.pair_id, _typed(request.api_key), accepts_expiry=request.accepts_expiry
        )
        return cases.view(key)

    @router.answer(contract.LIST_PAIRS)
    async def list_pairs(request: OwnKeys) -> contract.KeyPairList:
        return contract.KeyPairList(items=[pair_view(pair) for pair in await cases.read_pairs(request.user_id)])

    @router.answer(contract.OPEN_PAPER_ACCOUNT)
    async def open_paper_account(request: contract.OpenPaperAccount) -> KeyView:
        return cases.view(await cases.open_paper_account(request.user_id, request.label, request.balances))

    @router.answer(contract.LIST)
    async def list_keys(request: OwnKeys) -> KeyList:
        return KeyList(items=[cases.view(key) for key in await cases.read.all(request.user_id)])

    @router.answer(contract.DESCRIBE)
    async def describe(request: KeyRef) -> KeyView:
        return cases.view(await cases.read.one(request.user_id, request.key_id))

    @router.answer(contract.CHECK)
    async def check(request: KeyRef) -> KeyView:
        return cases.view(await cases.check(request.user_id, request.key_id, actor=Caller.GATEWAY))

    @router.answer(contract.DELETE)
    async def delete(request: KeyRef) -> Empty:
        await cases.delete(request.user_id, request.key_id)
        return Empty()


def _signing(router: RpcRouter, cases: UseCases) -> None:
    @router.answer(signing.SIGN)
    async def sign(request: SignRequest) -> Signature:
        return _signature(await cases.sign(_call(request, Caller.EXECUTION)))

    @router.answer(signing.SIGN_READ)
    async def sign_read(request: SignRequest) -> Signature:
        return _signature(await cases.sign(_call(request, Caller.RECONCILER)))

    @router.answer(signing.SIGN_STREAM)
    async def sign_stream(request: KeyRef) -> StreamLogin:
        login = await cases.sign_stream(request.user_id, request.key_id)
        return StreamLogin(api_key=login.api_key, expires_ms=login.expires_ms, signature=SecretStr(login.signature))


def pair_view(pair: KeyPair) -> contract.KeyPairView:
    """What the owner sees of a pair: never its private half."""
    return contract.KeyPairView(
        pair_id=pair.pair_id,
        label=pair.label,
        environment=pair.environment,
        public_key=pair.public_key,
        created_at=pair.created_at,
        expires_at=pair.expires_at,
    )


def _typed(secret: SecretStr) -> Secret:
    """Pasted keys often carry a blank or a line end."""
    return Secret.of_text(secret.get_secret_value().strip())


def _call(request: SignRequest, caller: Caller) -> CallToSign:
    return CallToSign(
        caller=caller,
        user_id=request.user_id,
        key_id=request.key_id,
        method=request.method,
        path=request.path,
        payload=request.payload,
        recv_window_ms=request.recv_window_ms,
        lane=Lane(request.lane.value),
        not_after=request.not_after,
    )


def _signature(answer: Signed | AskAgain) -> Signature:
    if isinstance(answer, Signed):
        return Signature(headers=answer.headers, timestamp_ms=answer.timestamp_ms)
    return Signature(retry_after_ms=answer.after_ms, retry_reason=answer.reason.value)
