"""A user's own indices by the names they gave them: their ids say nothing to a person."""

from __future__ import annotations

from collections.abc import Iterable

from basketry_cli.choosing import OWN_INDEX
from basketry_cli.gateway import GatewayClient, Json


class IndexNames:
    """Names by id; what was taken away meanwhile keeps its id."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    async def learn(self, client: GatewayClient, facts: Iterable[Json]) -> None:
        """Ask for the names when there is an own index among positions or plans that was not asked for before."""
        seen = {str(one.get("index_id")) for one in facts}
        await self._ask(client, {name for name in seen if name.startswith(OWN_INDEX)})

    async def learn_sentences(self, client: GatewayClient, lines: Iterable[Json]) -> None:
        """The same for lines of the activity feed."""
        words = {word for line in lines for word in str(line["sentence"]).split()}
        await self._ask(client, {word for word in words if word.startswith(OWN_INDEX)})

    def named(self, facts: Json) -> Json:
        """A position or plan as a person reads it; never what is sent or given to programs."""
        index = str(facts.get("index_id"))
        return {**facts, "index_id": self._names.get(index, index)} if index in self._names else facts

    def in_words(self, line: Json) -> Json:
        """A line of the activity feed as a person reads it."""
        sentence = str(line["sentence"])
        for index, name in self._names.items():
            sentence = sentence.replace(index, name)
        return {**line, "sentence": sentence}

    async def _ask(self, client: GatewayClient, own: set[str]) -> None:
        if own - self._names.keys():
            known = {str(one["index_id"]): str(one.get("name") or one["index_id"]) for one in await client.indices()}
            self._names |= {index: index for index in own}
            self._names |= {index: name for index, name in known.items() if index.startswith(OWN_INDEX)}
