"""What a column of an export is, and how its values come from those of the database."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """`source`: column of session.db; `name`: in the export; `kind`: how its values are turned into the unit."""

    source: str
    name: str
    kind: str
    meaning: str

    @property
    def unit(self) -> str:
        """Unit of the exported values."""
        return "name" if self.kind.startswith("code:") else UNITS[self.kind]


UNITS = {
    "time": "UTC",  # ns since the epoch -> Datetime
    "price": "collateral per coin",
    "mid": "collateral per coin",  # from twice the mid
    "size": "coin",
    "money": "collateral",  # from micro
    "ledger": "collateral",  # from half micro
    "seconds": "s",  # from ns
    "bps": "bps",
    "vol": "bps per sqrt s",
    "share": "probability",
    "rate": "per s",
    "number": "",
    "id": "id",
    "count": "",
    "flag": "true or false",
    "text": "name",
    "nats_log10": "log10",
}


def each(source: str, name: str, kind: str, meaning: str, places: tuple[str, ...]) -> list[Column]:
    """An array field: one column a place."""
    return [
        Column(source.format(at), name.format(place), kind, meaning.format(place)) for at, place in enumerate(places)
    ]
