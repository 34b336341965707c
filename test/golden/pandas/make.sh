#!/bin/sh
# Pickles of four generations of pandas, all of the same data frame: each version in an environment of its own, pandas 3
# with pyarrow and without, since it holds texts as what it has.
# Needs uv or virtual environments: PANDAS_<version with _>=<python>, such as PANDAS_1_5_3=/envs/a/bin/python, and
# PANDAS_3_1_1_PYARROW=<python> for the one with pyarrow.
set -e
cd "$(dirname "$0")"
rm -f ./*.pkl ./*.pkl.gz expected.json
run() {
  packages=$1 script=$2
  shift 2
  eval "python=\${PANDAS_$(echo "$packages" | tr '.+a-z' '__A-Z')}"
  if [ -n "$python" ]; then
    "$python" "$script" "$@"
  else
    uv run --no-project --with "pandas==${packages%+*}" $(case $packages in *+*) echo --with "${packages#*+}" ;; esac) python "$script" "$@"
  fi
}
run 1.1.5 make.py pandas-1.1-p4 4
run 1.5.3 make.py pandas-1.5-p2 2
run 1.5.3 make.py pandas-1.5-p4 4 gz
run 1.5.3 make.py pandas-1.5-p5-sampled 5 sampled
run 2.3.3 make.py pandas-2.3-p4 4
run 2.3.3 make.py pandas-2.3-p5-sampled 5 gz sampled
run 3.1.1+pyarrow make.py pandas-3.1-p5 5
run 3.1.1 make.py pandas-3.1-p5-no-arrow 5
run 3.1.1 make_missing.py pandas-3.1-p5-missing 5
