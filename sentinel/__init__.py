"""Sentinel surveillance of human trafficking: from field interviews to a report.

Data flow one way: `sentinel.ingest` reads and gates, `sentinel.classify` applies a case
definition, `sentinel.analysis` estimates, `sentinel.disclosure` protects,
`sentinel.mapping` and `sentinel.report` show. The estimators themselves live in
`estimators`, which can be used alone.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("sentinel-prevalence")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
