"""Which variable came in which round: told without a count or a column name."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from sentinel.report.document import make_document, render
from sentinel.report.protected.protection import protect_study

ROWS = [
    ("sex", "R1", "read", "Q14", 372, 3),
    ("sex", "R2", "read", "geschlecht", 370, 0),
    ("sold", "R1", "read", "Q71", 7, 2),
    ("sold", "R2", "absent", "", 0, 0),
    ("land", "R1", "absent", "", 0, 0),
    ("land", "R2", "absent", "", 0, 0),
    ("phone_of_mother", "R1", "dropped", "", 0, 0),
]
COLUMNS = ["variable", "round_id", "fate", "source", "answered", "lost"]


def test_variables__by_round_without_counts_columns_or_what_was_dropped(study_maker):
    result = study_maker()
    table = pd.DataFrame(ROWS, columns=COLUMNS)
    interviews = replace(result.interviews, harmonisation=table)
    release = protect_study(replace(result, interviews=interviews))
    assert release.harmonised.to_numpy().tolist() == [
        ["sex", "read", "read"],
        ["sold", "read", "absent"],
    ]
    document = make_document(release)
    page = render(document)
    assert "Which variable came in which round" in page
    printed = next(t for t in document.tables if t.name == "variables_by_round")
    assert printed.rows[1] == ("sold", "read", "absent")
    assert not any(word in page for word in ("Q71", "geschlecht", "phone_of_mother"))


def test_variables__nothing_to_tell_makes_no_table(release):
    page = render(make_document(release))
    assert "Which variable came in which round" not in page
