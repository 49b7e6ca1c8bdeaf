"""Indices: built-in ones, public facts whose last version answers while market-data is away; and the user's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import AfterValidator, AwareDatetime

from gateway.inbound.caller import User
from gateway.inbound.desk import AtDesk, Desk
from gateway.inbound.http.index_models import IndexAsk, PreviewAsk
from gateway.inbound.http.models import Page
from gateway.inbound.http.texts import kept_text
from gateway.inbound.problems import declared
from shared.contracts.market import IndexVersionView
from shared.contracts.rpc import market_data
from shared.trading.errors import Invalid, Unavailable
from shared.trading.status import VenueEnvironment

indices = APIRouter(tags=["indices"])
Environment = Annotated[
    VenueEnvironment | None, Query(description="Whose instruments and prices; the deployment's default when left out.")
]
IndexId = Annotated[str, AfterValidator(kept_text), Path(max_length=64)]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("In UTC there is no such moment.") from None


Since = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


class IfMatchInvalid(Invalid):
    """The header is not an ETag of ours."""

    code = "if_match_invalid"
    title = "The If-Match header cannot be used"


@indices.get("/api/indices", operation_id="indices_list", responses=declared(401))
async def list_indices(user: User, desk: AtDesk, environment: Environment = None) -> Page[IndexVersionView]:
    """The newest version of every index: the built-in ones, then your own."""
    where = environment or desk.environment
    question = market_data.ListIndices(environment=where, user_id=user.user_id)
    try:
        found = await desk.ask.ask(market_data.LIST_INDICES, question)
    except Unavailable:
        return Page[IndexVersionView](items=await _kept(desk, where))
    return Page[IndexVersionView](items=found.items)


@indices.post("/api/indices/preview", operation_id="indices_preview", responses=declared(400, 401, 422))
async def preview_index(
    body: PreviewAsk, user: User, desk: AtDesk, environment: Environment = None
) -> IndexVersionView:
    """What these rules would make now: constituents, weights, and who is left out and why. Nothing is stored."""
    draft = market_data.IndexDraft(
        user_id=user.user_id, environment=environment or desk.environment, name=body.name, rules=body.rules.view()
    )
    return await desk.ask.ask(market_data.PREVIEW_INDEX, draft)


@indices.post("/api/indices", operation_id="indices_create", status_code=201, responses=declared(400, 401, 422))
async def create_index(
    body: IndexAsk, user: User, desk: AtDesk, response: Response, environment: Environment = None
) -> IndexVersionView:
    """Make an index of your own; only you can see it. Saving does not trade."""
    draft = market_data.IndexDraft(
        user_id=user.user_id,
        environment=environment or desk.environment,
        name=body.name,
        description=body.description,
        rules=body.rules.view(),
    )
    made = await desk.ask.ask(market_data.CREATE_INDEX, draft)
    response.headers["location"] = f"/api/indices/{made.index_id}"
    return _tagged(made, response)


@indices.get("/api/indices/{index_id}", operation_id="indices_get", responses=declared(401, 404))
async def get_index(
    index_id: IndexId,
    user: User,
    desk: AtDesk,
    response: Response,
    environment: Environment = None,
    version: Version = None,
) -> IndexVersionView:
    """One index: rules, date, constituents, weights that sum to exactly 1, and who was left out and why."""
    where = environment or desk.environment
    question = market_data.GetIndex(environment=where, index_id=index_id, version=version, user_id=user.user_id)
    try:
        return _tagged(await desk.ask.ask(market_data.GET_INDEX, question), response)
    except Unavailable:
        for index in await _kept(desk, where):
            if index.index_id == index_id and version in {None, index.version}:
                return _tagged(index, response)
        raise


@indices.put("/api/indices/{index_id}", operation_id="indices_edit", responses=declared(400, 401, 404, 409, 412, 422))
async def edit_index(
    index_id: IndexId,
    body: IndexAsk,
    user: User,
    desk: AtDesk,
    response: Response,
    environment: Environment = None,
    if_match: Annotated[str | None, Header(description="The ETag you saw; another version then answers 412.")] = None,
) -> IndexVersionView:
    """Change an index of your own: a new version; earlier ones stay. Saving does not trade."""
    edit = market_data.EditIndex(
        user_id=user.user_id,
        environment=environment or desk.environment,
        index_id=index_id,
        name=body.name,
        description=body.description,
        rules=body.rules.view(),
        if_version=_version_in(if_match),
    )
    return _tagged(await desk.ask.ask(market_data.EDIT_INDEX, edit), response)


@indices.delete("/api/indices/{index_id}", operation_id="indices_delete", status_code=204, responses=declared(401, 404))
async def delete_index(index_id: IndexId, user: User, desk: AtDesk, environment: Environment = None) -> None:
    """Take an index of your own away. Positions that follow it keep what they hold and stop following."""
    where = environment or desk.environment
    ref = market_data.OwnIndexRef(user_id=user.user_id, environment=where, index_id=index_id)
    await desk.ask.ask(market_data.DELETE_INDEX, ref)


@indices.get("/api/indices/{index_id}/versions", operation_id="indices_versions", responses=declared(401, 404))
async def list_versions(
    index_id: IndexId, user: User, desk: AtDesk, environment: Environment = None
) -> Page[market_data.VersionHead]:
    """All versions, newest first, with the reason of each."""
    where = environment or desk.environment
    ref = market_data.IndexRef(environment=where, index_id=index_id, user_id=user.user_id)
    found = await desk.ask.ask(market_data.LIST_VERSIONS, ref)
    return Page[market_data.VersionHead](items=found.items)


@indices.get("/api/indices/{index_id}/diff", operation_id="indices_diff", responses=declared(401, 404))
async def diff_index(
    index_id: IndexId,
    user: User,
    desk: AtDesk,
    environment: Environment = None,
    before: Annotated[int | None, Query(alias="from", ge=1, le=2**31 - 1)] = None,
    after: Annotated[int | None, Query(alias="to", ge=1, le=2**31 - 1)] = None,
) -> market_data.IndexDiff:
    """Who entered, who left, whose weight changed, and why; between the last two versions when none are named."""
    question = market_data.DiffIndex(
        environment=environment or desk.environment,
        index_id=index_id,
        user_id=user.user_id,
        from_version=before,
        to_version=after,
    )
    return await desk.ask.ask(market_data.DIFF_INDEX, question)


@indices.get("/api/indices/{index_id}/level", operation_id="indices_level", responses=declared(401, 404))
async def index_level(
    index_id: IndexId,
    user: User,
    desk: AtDesk,
    environment: Environment = None,
    since: Annotated[Since | None, Query(description="UTC; all that is kept when left out.")] = None,
) -> market_data.LevelList:
    """The index's level: 1000 at its first version, no jump where the version changes; finer the younger."""
    question = market_data.GetLevels(
        environment=environment or desk.environment, index_id=index_id, user_id=user.user_id, since=since
    )
    return await desk.ask.ask(market_data.GET_LEVELS, question)


def _tagged(index: IndexVersionView, response: Response) -> IndexVersionView:
    response.headers["etag"] = f'"{index.version}"'
    return index


def _version_in(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdigit() or len(text) > 9:
        raise IfMatchInvalid("Send the ETag of the index as you saw it.", context={"pointer": "header:If-Match"})
    return int(text)


async def _kept(desk: Desk, environment: VenueEnvironment) -> list[IndexVersionView]:
    """What was published last.

    Raises:
        Unavailable: nothing was, so that only market-data could tell.
    """
    found = await desk.index_shelf.newest(environment)
    if not found:
        raise Unavailable("Market data is not reachable now; try again in a moment.", code="market_data_unavailable")
    return found
