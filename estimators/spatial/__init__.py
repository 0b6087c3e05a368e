"""Where things cluster: scan statistics, and counts that a fair map would show."""

from estimators.spatial.corridors import Corridor, Corridors, corridors
from estimators.spatial.expected_counts import indirect_expected
from estimators.spatial.flow_scan import flow_scan
from estimators.spatial.scan_result import Cluster, FlowClusters, ScanClusters
from estimators.spatial.space_time_scan import space_time_scan
from estimators.spatial.spatial_scan import spatial_scan

__all__ = [
    "Cluster",
    "Corridor",
    "Corridors",
    "FlowClusters",
    "ScanClusters",
    "corridors",
    "flow_scan",
    "indirect_expected",
    "space_time_scan",
    "spatial_scan",
]
