"""What AWS asks for, from l../lab/benchmarks/prices.toml: each price with its day, region and source."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import DataError

PATH = Path(__file__).parent / "prices.toml"


@dataclass(frozen=True, slots=True)
class Price:
    """usd: for one unit. as_of: year and month that the source is of. source: a URL."""

    usd: float
    unit: str
    as_of: str
    source: str


def prices(path: Path = PATH) -> dict[str, Price]:
    """Each price by its name. Raises DataError if the file is not as it should be."""
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return {name: Price(**entry) for name, entry in read["prices"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"expected usd, unit, as_of and source of each of [prices] in {path}: {error}") from error


def region(path: Path = PATH) -> str:
    """The region that all prices are of."""
    return str(tomllib.loads(path.read_text(encoding="utf-8"))["region"])
