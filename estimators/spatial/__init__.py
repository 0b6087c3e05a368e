"""Where things cluster: scan statistics, and counts that a fair map would show."""

from estimators.spatial.autocorrelation import geary, getis_ord_global, moran
from estimators.spatial.corridors import Corridor, Corridors, corridors
from estimators.spatial.expected_counts import indirect_expected
from estimators.spatial.flow_scan import flow_scan
from estimators.spatial.getis_ord import getis_ord
from estimators.spatial.hotspots import local_geary, local_moran
from estimators.spatial.intensity import kernel_intensity
from estimators.spatial.intensity_surface import KernelIntensity
from estimators.spatial.join_counts import join_counts
from estimators.spatial.local_result import LocalStatistics
from estimators.spatial.rate_autocorrelation import empirical_bayes_moran
from estimators.spatial.rates import empirical_bayes_rates
from estimators.spatial.released_flow_scan import released_flow_scan
from estimators.spatial.scan_result import Cluster, FlowClusters, ScanClusters
from estimators.spatial.space_time_scan import space_time_scan
from estimators.spatial.spatial_scan import spatial_scan
from estimators.spatial.weights import SpatialWeights

__all__ = [
    "Cluster",
    "Corridor",
    "Corridors",
    "FlowClusters",
    "KernelIntensity",
    "LocalStatistics",
    "ScanClusters",
    "SpatialWeights",
    "corridors",
    "empirical_bayes_moran",
    "empirical_bayes_rates",
    "flow_scan",
    "geary",
    "getis_ord",
    "getis_ord_global",
    "indirect_expected",
    "join_counts",
    "kernel_intensity",
    "local_geary",
    "local_moran",
    "moran",
    "released_flow_scan",
    "space_time_scan",
    "spatial_scan",
]
