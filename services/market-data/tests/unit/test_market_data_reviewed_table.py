from __future__ import annotations

import pytest

from market_data.domain.renames import How
from market_data.outbound.reviewed_table import (
    BrokenTable,
    fingerprint,
    read_renames,
    read_table,
    renames_text,
    shipped_text,
)

HEAD = "source_id,source_symbol,base,excluded_as,note\n"


def test_the_shipped_table_names_every_coin_once_and_every_base_is_its_own_ticker() -> None:
    table = read_table(shipped_text())
    assert len([coin for coin in table.values() if coin.base and not coin.excluded_as]) >= 90
    assert {coin.source_id for coin in table.values() if coin.base and coin.base != coin.source_symbol} == set()


@pytest.mark.parametrize("source_id", ["tether", "usd-coin", "wrapped-bitcoin", "staked-ether", "pax-gold", "usds"])
def test_copies_of_other_things_are_excluded_by_review(source_id: str) -> None:
    assert read_table(shipped_text())[source_id].excluded_as


@pytest.mark.parametrize(
    "rows",
    ["a,a,A,,\na,b,B,,\n", "a,a,A,,\nb,b,A,,\n", ""],
    ids=["an id twice", "a base twice", "nothing"],
)
def test_a_table_that_contradicts_itself_is_refused(rows: str) -> None:
    with pytest.raises(BrokenTable):
        read_table(HEAD + rows)


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(BrokenTable):
        read_table("source_id,source_symbol\nbitcoin,btc\n")


def test_a_corrected_row_changes_the_fingerprint() -> None:
    text = shipped_text()
    assert fingerprint(text) != fingerprint(text.replace("ripple,xrp,XRP", "ripple,xrp,DOGE"))
    assert fingerprint(text) == fingerprint(text)
    assert fingerprint(text) != fingerprint(text, "old,new,how\nA,B,renamed\n")


def test_the_shipped_renames_name_no_coin_that_is_still_bought() -> None:
    renames, table = read_renames(renames_text(None)), read_table(shipped_text())
    assert renames["MATIC"].reason == "renamed:POL"
    assert {coin.base for coin in table.values() if coin.base in renames and not coin.excluded_as} == set()
    assert {rename.how for rename in renames.values()} == set(How)
    assert renames.keys() & {rename.new for rename in renames.values()} == set()


@pytest.mark.parametrize(
    "rows",
    ["A,B,renamed\nA,C,merged\n", "A,A,renamed\n", "A,,renamed\n", "A,B,vanished\n", "A\n"],
    ids=["twice", "itself", "nowhere", "a word nobody knows", "columns missing"],
)
def test_a_rename_that_says_nothing_is_refused(rows: str) -> None:
    with pytest.raises(BrokenTable):
        read_renames("old,new,how\n" + rows)
    assert read_renames("old,new,how\n") == {}
