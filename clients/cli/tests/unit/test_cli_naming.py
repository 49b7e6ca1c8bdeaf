"""Own indices by their names: for people, never for programs."""

from __future__ import annotations

from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.naming import IndexNames

OWN, GONE = "my-30870e6f-2209-4640-8259-abe19e56b410", "my-11111111-2209-4640-8259-abe19e56b410"


class Listed(GatewayClient):
    """A gateway that lists indices, and counts how often."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9")
        self.asked = 0

    async def indices(self) -> list[Json]:
        self.asked += 1
        return [{"index_id": "top-5", "name": "Top 5"}, {"index_id": OWN, "name": "mine"}]


async def test_own_indices_have_their_names_and_are_asked_for_once() -> None:
    client, names = Listed(), IndexNames()
    await names.learn(client, [{"index_id": "top-5"}])
    assert client.asked == 0, "the platform's are called by their ids"
    for _ in range(2):
        await names.learn(client, [{"index_id": OWN}, {"index_id": GONE}])
    assert client.asked == 1
    facts = {"index_id": OWN, "status": "ACTIVE"}
    assert (names.named(facts), facts["index_id"]) == ({"index_id": "mine", "status": "ACTIVE"}, OWN)
    assert names.named({"index_id": GONE}) == {"index_id": GONE}
    assert names.named({"index_id": "top-5"}) == {"index_id": "top-5"}


async def test_sentences_of_the_feed_have_the_names() -> None:
    client, names = Listed(), IndexNames()
    line = {"sentence": f"Buying {OWN} for up to 40.00 USDT has started."}
    await names.learn_sentences(client, [line])
    assert names.in_words(line) == {"sentence": "Buying mine for up to 40.00 USDT has started."}
