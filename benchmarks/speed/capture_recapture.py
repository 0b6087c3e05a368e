"""The speed table of capture-recapture: every job, its plain twin, its memory.

Each job runs in a process of its own, so that its peak memory is its own: cold, then
warm, then the twin in numpy on a part of the job, checked and scaled up.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed import capture_recapture_all_models as all_models
from benchmarks.speed import capture_recapture_covariates as covariates
from benchmarks.speed import capture_recapture_graphs as graphs
from benchmarks.speed import capture_recapture_latent_class as latent_class
from benchmarks.speed import capture_recapture_stepwise as stepwise
from estimators.capture_recapture import (
    CaptureHistories,
    decomposable_graphs,
    latent_class_capture,
)
from estimators.capture_recapture.cross_fitting import read_two_lists
from estimators.capture_recapture.doubly_robust import doubly_robust
from tests.twins import capture_recapture_doubly_robust as doubly_robust_twin

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 5
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of the table.

    Attributes
    ----------
    reach : float
        Seconds that are asked for.
    call : callable
    twin : callable
        Checks the answer and returns the twin's CPU seconds for the whole job, from
        a part of it.
    runs : int
        Warm runs.
    """

    reach: float
    call: Callable[[], Any]
    twin: Callable[[], float]
    runs: int = RUNS


def _stepwise() -> Job:
    (call, *_) = stepwise.cases().values()
    return Job(reach=1.0, call=call, twin=lambda: 1000 * stepwise.check())


def _all_models() -> Job:
    five = all_models.five_lists()
    return Job(
        reach=0.25,
        call=all_models.every_model(five, 3),
        twin=lambda: 6212 * all_models.check(five, 3),
    )


def _all_models_bootstrap() -> Job:
    return Job(
        reach=90.0,
        call=all_models.every_bootstrap(),
        twin=lambda: 1000 * 6212 * all_models.check(all_models.five_lists(), 3),
        runs=1,
    )


def _two_way_models() -> Job:
    six = all_models.six_lists()
    return Job(
        reach=5.0,
        call=all_models.every_model(six, 2),
        twin=lambda: 32_768 * all_models.check(six, 2),
    )


def _graphs() -> Job:
    five = graphs.make_input()

    def twin() -> float:
        seconds, wanted = _cpu(partial(graphs.by_numpy, five))
        got = graphs.by_kernel(five)
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-18)
        return seconds

    return Job(reach=0.15, call=partial(graphs.by_kernel, five), twin=twin)


def _graphs_of_six() -> Job:
    six = graphs.make_input(graphs.UK_SIX)
    part = graphs.GRID[::100]

    def twin() -> float:
        seconds, wanted = _cpu(partial(graphs.by_numpy, six, part))
        got = graphs.by_kernel(six, part)
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-18)
        return seconds * graphs.GRID.size / part.size

    return Job(reach=10.0, call=partial(decomposable_graphs, six), twin=twin)


def _latent_class() -> Job:
    five = graphs.make_input()
    return Job(
        reach=1.0,
        call=partial(latent_class.by_kernel, five, latent_class.SWEEPS),
        twin=partial(_latent_class_twin, five, chains=1),
    )


def _latent_class_chains() -> Job:
    five = graphs.make_input()
    call = partial(
        latent_class_capture, five, burn_in=20_000, n_samples=2000, thinning=40,
        rng=1, n_jobs=2,
    )  # fmt: skip
    return Job(reach=2.5, call=call, twin=partial(_latent_class_twin, five, chains=4))


def _latent_class_twin(five: CaptureHistories, *, chains: int) -> float:
    latent_class.check(five)
    sweeps = latent_class.NUMPY_SWEEPS
    seconds, _ = _cpu(partial(latent_class.by_numpy, five, sweeps))
    return seconds * chains * latent_class.SWEEPS / sweeps


def _truncated_counts() -> Job:
    call = covariates.cases()["truncated Poisson, 500 bootstraps"]
    return Job(reach=0.3, call=call, twin=lambda: 500 * covariates.check())


def _doubly_robust() -> Job:
    frame = covariates.make_lists()
    call = partial(doubly_robust, frame, lists=("a", "b"), covariates=["x", "z"], rng=1)

    def twin() -> float:
        data = read_two_lists(frame, ("a", "b"), ["x", "z"])
        fold = np.random.default_rng(1).permutation(np.arange(len(frame)) % 2)
        seconds, wanted = _cpu(
            partial(doubly_robust_twin.size, data.first, data.second, data.matrix, fold)
        )
        got = call()
        np.testing.assert_allclose((got.estimate, got.std_error), wanted, rtol=1e-6)
        return seconds

    return Job(reach=0.3, call=call, twin=twin)


JOBS: dict[str, Callable[[], Job]] = {
    "stepwise, BCa, 1000 bootstraps, UK five lists": _stepwise,
    "6 212 models, UK five lists": _all_models,
    "1000 bootstraps over all 6 212 models": _all_models_bootstrap,
    "32 768 two-way models, UK six lists": _two_way_models,
    "graphs, 822 x 20 001": _graphs,
    "graphs of six lists, exact": _graphs_of_six,
    "latent classes, 100 000 sweeps": _latent_class,
    "latent classes, 4 chains on 2 cores": _latent_class_chains,
    "truncated Poisson, 500 bootstraps": _truncated_counts,
    "doubly robust, n = 3 900, 2 folds": _doubly_robust,
}


def _cpu(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    value = call()
    return time.process_time() - started, value


def peak_memory() -> float:
    """Return the most memory this process ever held, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MEBIBYTE if sys.platform == "darwin" else 1024)


def run(name: str) -> None:
    """Time one job here and print its line."""
    job = JOBS[name]()
    started = time.perf_counter()
    job.call()
    first = time.perf_counter() - started
    walls, processors = [], []
    for _ in range(job.runs):
        started = time.perf_counter()
        seconds, _ = _cpu(job.call)
        walls.append(time.perf_counter() - started)
        processors.append(seconds)
    peak = peak_memory()
    median = statistics.median(walls)
    processor, twin = statistics.median(processors), job.twin()
    print(
        f"{name:<46} {median:8.3f} s [{min(walls):.3f}, {max(walls):.3f}]  "
        f"CPU {processor:8.3f} s  first {first:6.1f} s  "
        f"reach {job.reach:6.2f} s {'yes' if median <= job.reach else 'NO':<3}  "
        f"twin {twin:10.1f} s  ratio {twin / processor:9.0f}  {peak:5.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Time every job in a process of its own."""
    print(
        f"medians of {RUNS} warm runs; twins in CPU seconds, scaled up from a part; "
        "ratio of CPU seconds, which other work on the machine moves less"
    )
    for name in JOBS:
        subprocess.run([sys.executable, "-m", __name__, name], check=True)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        run(sys.argv[1])
    else:
        sys.exit(f"name one job: {', '.join(JOBS)}")
