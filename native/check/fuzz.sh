#!/bin/sh
# Builds the fuzz programs under address and undefined-behaviour sanitizers and runs them.
# usage: native/check/fuzz.sh [iterations] [seed]
set -eu
native=$(cd "$(dirname "$0")/.." && pwd)
build="$native/build-fuzz"
iterations=${1:-200000}
seed=${2:-1}
cmake -S "$native" -B "$build" -DLOADMARK_SANITIZE=address,undefined -DLOADMARK_ADDON=OFF -DLOADMARK_CHECKS=ON \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
cmake --build "$build" --parallel 2 --target fuzz_safetensors fuzz_model_config fuzz_gguf
for program in fuzz_safetensors fuzz_model_config fuzz_gguf; do
  "$build/check/$program" --iterations "$iterations" --seed "$seed"
done
