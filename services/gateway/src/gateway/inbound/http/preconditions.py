"""`ETag` and `If-Match`: whoever changes something says which state they have seen."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header

from shared.trading.errors import Conflict, Invalid


class IfMatchMissing(Invalid):
    """A change without a word about what was seen could undo somebody else's."""

    code = "if_match_missing"
    title = "The header If-Match is missing"


class IfMatchFails(Conflict):
    """It names no state that ever was."""

    code = "if_match_fails"
    title = "This is not the state that you have seen"


def etag(version: int) -> str:
    """The header's text for a version."""
    return f'"{version}"'


async def _if_match(
    text: Annotated[
        str | None, Header(alias="If-Match", description="Required: the ETag of the answer that you have seen.")
    ] = None,
) -> int:
    if text is None:
        raise IfMatchMissing("Read it first, and send its ETag as If-Match.")
    version = text.strip().removeprefix('"').removesuffix('"')
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise IfMatchFails("Send the ETag of the answer that you have seen, unchanged.")
    return int(version)


IfMatch = Annotated[int, Depends(_if_match)]
