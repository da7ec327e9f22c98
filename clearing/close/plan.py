"""A close as a document: which statements of which accounts, and what is checked beside them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clearing.events.documents import DocumentUnreadable, read_text
from clearing.reconcile import Leg


class PlanRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A file that is no plan; says which field is wrong and what would be right."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Name = Annotated[str, Field(min_length=1, max_length=64)]


class StatementWanted(_Strict):
    """Statements of one leg of an account.

    ``files`` are files or folders, beside the plan unless absolute. In them and in ``settings``
    ``{day}`` is the day and ``{plan}`` the plan's folder.
    ``venue`` is as the format says unless named, ``format`` recognised unless named. ``whole_day``
    says that they were asked for the whole day, so that what comes after their last line counts.
    """

    files: Annotated[tuple[str, ...], Field(min_length=1)]
    leg: Leg = "venue"
    venue: str | None = None
    format: str | None = None
    settings: dict[str, str] = {}
    whole_day: bool = True


class FundingWanted(_Strict):
    """How funding is compared: so many seconds after its settlement, within so many units."""

    within_seconds: Annotated[int, Field(ge=0, le=86_400)] = 60
    units: Annotated[int, Field(ge=0, le=1_000)] = 0


class AccountWanted(_Strict):
    """What is closed of an account (``*``: of all together, of a bank or a chain).

    ``fees`` is the file of a fee schedule, ``funding`` how funding is compared; without them they
    are not computed again. What differs becomes breaks. ``rules`` makes breaks of what was done to
    the account against the rulebook in force. ``statement`` issues our own statement of the day.
    """

    account: Name
    statements: tuple[StatementWanted, ...] = ()
    fees: str | None = None
    funding: FundingWanted | None = None
    rules: bool = True
    statement: bool = True


class ClosePlan(_Strict):
    """A daily close.

    ``calendar`` says when a day ends. ``residuals_as`` is the declared source under which what
    tolerances let pass is posted; without it, it is stated and not posted. ``approvals`` are the
    sources whose adjustments and rulebooks somebody must have approved at the desk; adjustments of
    category ``reconciliation`` must in any case. ``house`` issues the house's statement,
    ``verify`` folds the whole log anew, ``checkpoint`` signs one.
    """

    format: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    calendar: Name = "utc"
    accounts: Annotated[tuple[AccountWanted, ...], Field(min_length=1)]
    residuals_as: Name | None = None
    approvals: tuple[Name, ...] = ()
    house: bool = True
    verify: bool = True
    checkpoint: bool = True


def read_plan(path: Path) -> ClosePlan:
    """Return the plan in a YAML or JSON file; raises :class:`PlanRefused`."""
    try:
        return ClosePlan.model_validate(read_text(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise PlanRefused(f"{path}: {field}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError, DocumentUnreadable) as error:
        raise PlanRefused(f"{path}: {error}") from error
