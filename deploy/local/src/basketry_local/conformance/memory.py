"""What one run leaves for the next: ids that were used, and when. No key, nothing secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError


class UsedId(BaseModel):
    """A client order id and how its order ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link_id: str
    ended: str
    at: AwareDatetime


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    used: list[UsedId]


class MemoryBrokenError(Exception):
    """The file is not one of ours."""


@dataclass(slots=True)
class Memory:
    """One file per environment and key.

    Attributes:
        used: Ids of this and of earlier runs.
    """

    path: Path
    used: list[UsedId] = field(default_factory=list)

    @classmethod
    def at(cls, path: Path) -> Memory:
        """What is remembered; empty when nothing is.

        Raises:
            MemoryBrokenError: The file is there and is not one of ours.
        """
        if not path.exists():
            return cls(path)
        try:
            return cls(path, _Document.model_validate_json(path.read_text("utf-8")).used)
        except ValidationError as error:
            raise MemoryBrokenError(f"{path} is not a memory of conformance runs") from error

    def keep(self, *used: UsedId) -> None:
        """Remember ids as well; written at once, so that a run that breaks off later loses none."""
        self.used = [*self.used, *used]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(_Document(used=self.used).model_dump_json(indent=2) + "\n", "utf-8")
