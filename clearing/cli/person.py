"""Who is at the desk: the name under which breaks are followed and proposals made and decided."""

import getpass
import os
from typing import Annotated, Final

from cyclopts import Parameter

VARIABLE: Final = "CLEARING_PERSON"

Person = Annotated[
    str | None,
    Parameter(name="--as", help=f"who does this; else {VARIABLE}, else the user of this machine"),
]


def person_of(given: str | None) -> str:
    """Return the name of who does this; raises :class:`ValueError` where nobody is named."""
    name = given or os.environ.get(VARIABLE, "")
    if name:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ValueError(f"nobody is named: give --as NAME, or set {VARIABLE}") from None
