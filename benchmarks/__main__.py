"""Run benchmarks by name: every module of a folder has a ``main()``."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

KINDS = ("speed", "accuracy")


def main() -> int:
    """Run the named benchmarks, or all of a kind."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("names", nargs="*", help="modules; all of them by default")
    arguments = parser.parse_args()
    package = importlib.import_module(f"benchmarks.{arguments.kind}")
    known = [module.name for module in pkgutil.iter_modules(package.__path__)]
    runnable = [name for name in known if not name.startswith("_")]
    unknown = sorted(set(arguments.names) - set(runnable))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {runnable}")
    for name in arguments.names or runnable:
        print(f"== {arguments.kind}/{name}")
        importlib.import_module(f"benchmarks.{arguments.kind}.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
