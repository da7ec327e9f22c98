"""The closed set of price operators, told apart by ``op``."""

from typing import Annotated, Final

from pydantic import Field

from clearing.rulebook.prices.among import AmongDocument
from clearing.rulebook.prices.combined import AddDocument, ClampDocument, Term
from clearing.rulebook.prices.over_time import OverTimeDocument
from clearing.rulebook.prices.told import RecordedDocument, RoleDocument, SourceDocument

PriceTree = Annotated[
    SourceDocument
    | RecordedDocument
    | RoleDocument
    | AmongDocument
    | AddDocument
    | ClampDocument
    | OverTimeDocument,
    Field(discriminator="op"),
]
"""A price: an operator, with the prices that it is made of inside."""

_NESTING: Final = (AmongDocument, Term, AddDocument, ClampDocument, OverTimeDocument)
for _document in _NESTING:
    _document.model_rebuild(force=True, _types_namespace={"PriceTree": PriceTree})
