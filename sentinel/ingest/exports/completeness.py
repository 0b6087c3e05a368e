"""Whether a round's files hold all submissions that the form server has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from sentinel.ingest.raw_table import RawTable
from sentinel.schema.problems import Problem
from sentinel.study.config import RoundSection

__all__ = ["check_completeness"]


def check_completeness(
    item: RoundSection, tables: Sequence[RawTable]
) -> Iterator[Problem]:
    """List counts that differ from the server's, and pages that are not there.

    KoboToolbox leaves submissions of a form version that it does not know out of its
    exports without a word: only the count on the project's page tells.
    """
    exports = [table for table in tables if table.submissions is not None]
    if not exports:
        return
    files = ", ".join(table.origin.file for table in exports)
    rows = sum(len(table.frame) for table in tables)
    stated = item.submissions
    if stated is None:
        counts = {table.submissions.stated for table in exports if table.submissions}
        stated = next((count for count in counts if count is not None), None)
    if stated is not None and stated != rows:
        less = "fewer" if rows < stated else "more"
        yield Problem(
            severity="error" if rows < stated else "warning",
            file=files,
            expected=f"{stated} submissions in round {item.label}",
            hint=f"The files hold {rows}, {abs(stated - rows)} {less}. "
            + (
                "KoboToolbox drops submissions of form versions that it does not know, "
                "and a page of a service is not the whole: export again."
                if rows < stated
                else "Some came after the count, or a file is of another round."
            ),
        )
    yield from _pages(item, exports, files)
    kobo = [table for table in exports if _tool(table) == "kobo"]
    if kobo and item.submissions is None:
        yield _count_unknown(item, kobo)


def _tool(table: RawTable) -> str:
    return table.submissions.tool if table.submissions else ""


def _pages(
    item: RoundSection, exports: Sequence[RawTable], files: str
) -> Iterator[Problem]:
    pages = [table for table in exports if table.origin.format == "odata"]
    open_ends = sum(
        table.submissions.continues for table in pages if table.submissions is not None
    )
    if pages and open_ends > len(pages) - 1:
        yield Problem(
            file=files,
            expected=f"all pages of the service in round {item.label}",
            hint="The last page says that another one follows (@odata.nextLink): save "
            "that too and name it under files.",
        )


def _count_unknown(item: RoundSection, kobo: Sequence[RawTable]) -> Problem:
    gaps = ""
    numbers = pd.concat(
        [
            pd.to_numeric(table.frame["_id"], errors="coerce").dropna()
            for table in kobo
            if "_id" in table.frame
        ]
        or [pd.Series([], dtype="float64")]
    )
    if len(numbers):
        span = int(numbers.max() - numbers.min()) + 1
        lost = span - numbers.nunique()
        gaps = (
            f" Between the first and the last _id {lost} numbers are not here (other "
        )
        gaps += "projects of the server use some)."
    return Problem(
        severity="warning",
        file=", ".join(table.origin.file for table in kobo),
        expected=f"submissions = N for round {item.label}, as the project's page shows",
        hint="KoboToolbox leaves out submissions of form versions that it does not "
        f"know: only the count tells.{gaps}",
    )
