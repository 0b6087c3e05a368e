"""Where things cluster: scan statistics, and counts that a fair map would show."""

from estimators.spatial.expected_counts import indirect_expected

__all__ = ["indirect_expected"]
