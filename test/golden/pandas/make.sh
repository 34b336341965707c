#!/bin/sh
# Pickles of four generations of pandas, all of the same data frame: each version in an environment of its own.
# Needs uv or a folder of virtual environments: PANDAS_<version with _>=<python>, such as PANDAS_1_5_3=/envs/a/bin/python.
set -e
cd "$(dirname "$0")"
rm -f ./*.pkl ./*.pkl.gz expected.json
run() {
  version=$1
  shift
  eval "python=\${PANDAS_$(echo "$version" | tr . _)}"
  if [ -n "$python" ]; then "$python" make.py "$@"; else uv run --no-project --with "pandas==$version" python make.py "$@"; fi
}
run 1.1.5 pandas-1.1-p4 4
run 1.5.3 pandas-1.5-p2 2
run 1.5.3 pandas-1.5-p4 4 gz
run 1.5.3 pandas-1.5-p5-sampled 5 sampled
run 2.3.3 pandas-2.3-p4 4
run 2.3.3 pandas-2.3-p5-sampled 5 gz sampled
run 3.1.1 pandas-3.1-p5 5
