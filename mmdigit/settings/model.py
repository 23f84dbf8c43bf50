"""Settings of every program that runs the model: its file and its threads."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

Weights = Annotated[Path | None, Field(description="model file; by default the shipped one")]
Threads = Annotated[int, Field(ge=1, le=256, description="threads of the model")]
