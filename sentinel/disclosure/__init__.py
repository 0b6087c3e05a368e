"""The one gate: nothing is released that has not passed here.

Small cells and what would tell them (`protect_counts`, `protect_estimates`,
`protect_tables`, `protect_flows`), comparisons with withheld rounds
(`withhold_contrasts`), coarse places and times, text that is harmless where it lands.
`release_file` writes every file of a release, and nothing else does.
"""

from sentinel.disclosure.breakdowns import protect_breakdown
from sentinel.disclosure.coarsening import (
    INFORMAL_CROSSING,
    coarsen_places,
    coarsen_time,
)
from sentinel.disclosure.ctdc import (
    CTDC_BLOCKS,
    CTDC_COLUMNS,
    CtdcRelease,
    infer_ctdc_zeros,
    release_ctdc,
    to_ctdc,
)
from sentinel.disclosure.differencing import ReleasedCells
from sentinel.disclosure.elsewhere import PlacesElsewhere
from sentinel.disclosure.escaping import escape_text, safe_csv_cell, safe_csv_frame
from sentinel.disclosure.estimates import protect_estimates, protect_tables
from sentinel.disclosure.flows import (
    ProtectedFlows,
    UnprotectableFlowsError,
    protect_flows,
)
from sentinel.disclosure.gate import (
    check_file,
    keep_out_of_release,
    release_again,
    release_file,
)
from sentinel.disclosure.geomasking import geomask
from sentinel.disclosure.ledger import ReleasedRecords, ReleaseLedger
from sentinel.disclosure.marginals import ProtectedCounts, protect_marginals
from sentinel.disclosure.microdata import (
    KAnonymous,
    MicrodataReport,
    k_anonymise,
    microdata_report,
)
from sentinel.disclosure.policy import ReleasePolicy
from sentinel.disclosure.rounding import RoundedTable, round_counts_down
from sentinel.disclosure.synthetic import SyntheticRecords, synthesise
from sentinel.disclosure.tables import ProtectedTable, audit, protect_counts
from sentinel.disclosure.withholding import protect_alike, withhold_contrasts

__all__ = [
    "CTDC_BLOCKS",
    "CTDC_COLUMNS",
    "INFORMAL_CROSSING",
    "CtdcRelease",
    "KAnonymous",
    "MicrodataReport",
    "PlacesElsewhere",
    "ProtectedCounts",
    "ProtectedFlows",
    "ProtectedTable",
    "ReleaseLedger",
    "ReleasePolicy",
    "ReleasedCells",
    "ReleasedRecords",
    "RoundedTable",
    "SyntheticRecords",
    "UnprotectableFlowsError",
    "audit",
    "check_file",
    "coarsen_places",
    "coarsen_time",
    "escape_text",
    "geomask",
    "infer_ctdc_zeros",
    "k_anonymise",
    "keep_out_of_release",
    "microdata_report",
    "protect_alike",
    "protect_breakdown",
    "protect_counts",
    "protect_estimates",
    "protect_flows",
    "protect_marginals",
    "protect_tables",
    "release_again",
    "release_ctdc",
    "release_file",
    "round_counts_down",
    "safe_csv_cell",
    "safe_csv_frame",
    "synthesise",
    "to_ctdc",
    "withhold_contrasts",
]
