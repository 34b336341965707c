#!/usr/bin/env bash
# Makes readings.json: `bench quantize` writes small checkpoints by round-to-nearest (no calibration, hence the same bytes
# on every machine), read_gptq.py reads them and one that transformers/make.py wrote. Needs python3 with numpy, torch and
# safetensors, and a built checkout: bash test/golden/gptq/make.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quantize() { # NAME SOURCE options...
  local name=$1 source=$2
  shift 2
  node "${BENCH:-$root/dist/harness/cli.js}" quantize "$here/../transformers/$source" --method rtn --quiet \
    --out "$work/$name" "$@" > /dev/null
}
quantize sym-g32 float32 --group-size 32
quantize asym-g64 float32 --group-size 64 --asym
quantize asym-row-v2 float32 --group-size -1 --asym --checkpoint-format gptq_v2
quantize sharded-sym-g32-mse bfloat16-sharded --group-size 32 --mse
cp -r "$here/../transformers/gptq-v2-g64-asym-act-order" "$work/"
python3 "$here/read_gptq.py" "$work"/* > "$here/readings.json"
