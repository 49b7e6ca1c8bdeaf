"""The client order id: decodable, checked, within the venue's rules."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.trading.link_id import LENGTH, InvalidLinkId, LinkId, is_ours, position_tail, run_tail
from shared.trading.status import VenueEnvironment

KEY = b"k" * 32

ids = st.builds(
    LinkId,
    environment=st.sampled_from(VenueEnvironment),
    position=st.uuids().map(position_tail),
    run=st.uuids().map(run_tail),
    leg=st.integers(0, 1023),
    attempt=st.integers(0, 32767),
)


@given(ids)
def test_what_was_written_is_read(link: LinkId) -> None:
    text = link.encode(KEY)
    assert LinkId.decode(text, KEY) == link
    assert len(text) == LENGTH <= 36
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)


@given(ids, ids)
def test_different_ids_are_written_differently(one: LinkId, other: LinkId) -> None:
    assert (one == other) == (one.encode(KEY) == other.encode(KEY))


@given(ids, st.integers(0, LENGTH - 1), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_a_changed_letter_is_almost_never_taken(link: LinkId, place: int, letter: str) -> None:
    text = link.encode(KEY)
    changed = text[:place] + letter + text[place + 1 :]
    # 20 bits of check: a forgery passes once in a million, and then only as another id.
    assert changed == text or not is_ours(changed, KEY) or LinkId.decode(changed, KEY) != link


@pytest.mark.parametrize(
    "text", ["", "x", "bp" + "0" * 33, "b" * 35, "bp" + "0" * 34, "BP" + "0" * 33, "bp" + "i" * 33]
)
def test_foreign_texts_are_not_ours(text: str) -> None:
    assert not is_ours(text, KEY)


def test_another_deployments_key_makes_another_id() -> None:
    link = LinkId(environment=VenueEnvironment.PAPER, position=1, run=2, leg=3, attempt=4)
    assert not is_ours(link.encode(KEY), b"other")


@pytest.mark.parametrize(("leg", "attempt"), [(1024, 0), (-1, 0), (0, 32768), (0, -1)])
def test_numbers_that_do_not_fit_are_refused(leg: int, attempt: int) -> None:
    with pytest.raises(InvalidLinkId):
        LinkId(environment=VenueEnvironment.PAPER, position=1, run=1, leg=leg, attempt=attempt).encode(KEY)


def test_tails_are_the_last_bits() -> None:
    full = UUID(int=(1 << 128) - 1)
    assert position_tail(full) == (1 << 80) - 1
    assert run_tail(full) == (1 << 40) - 1
