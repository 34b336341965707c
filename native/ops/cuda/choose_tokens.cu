// From logits to tokens, and to log-probabilities: a block a row. The draw is engine/sampler.h's:
// the same filters in the same order (temperature, top-k with ties, top-p), the same uniform
// number; sums of weights are fp64 but added in another order.
#include <cfloat>

#include "ops/cuda/device/ptx.cuh"
#include "ops/cuda/device/split_mix.cuh"
#include "ops/cuda/launch.cuh"

namespace loadmark::ops::cuda {
namespace {

constexpr int kThreads = 1024;

// Order-preserving bits: larger floats have larger bits; NaN counts as -infinity.
__device__ uint32_t ordered(float value) {
  if (isnan(value)) value = -INFINITY;
  const uint32_t bits = __float_as_uint(value);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ float unordered(uint32_t bits) {
  return __uint_as_float(bits & 0x80000000u ? bits & 0x7fffffffu : ~bits);
}

// The sum over the block, known to all of its threads, added in a fixed order.
template <class T>
__device__ T block_sum(T value, T* shared) {
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0u, value, step);
  __syncthreads();
  if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
  __syncthreads();
  T sum = 0;
  for (int i = 0; i < kThreads / 32; ++i) sum += shared[i];
  return sum;
}

struct Best {
  float value;
  int32_t token;
};
__device__ Best better(Best a, Best b) {
  return b.value > a.value || (b.value == a.value && b.token < a.token) ? b : a;
}
__device__ Best block_best(const float* logits, int64_t vocab) {
  __shared__ Best parts[kThreads / 32];
  Best best = {-INFINITY, INT32_MAX};
  for (int64_t i = threadIdx.x; i < vocab; i += kThreads)
    if (logits[i] > best.value) best = {logits[i], static_cast<int32_t>(i)};
  const auto across = [&](Best mine) {
    for (int step = 16; step > 0; step /= 2) {
      mine = better(
          mine, {__shfl_xor_sync(~0u, mine.value, step), __shfl_xor_sync(~0u, mine.token, step)});
    }
    return mine;
  };
  best = across(best);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = best;
  __syncthreads();
  best = across(parts[threadIdx.x % 32]);
  __syncthreads();
  return best;
}

__global__ void __launch_bounds__(kThreads)
    choose_tokens_kernel(float* logits, const SamplingRow* sampling, const int32_t* banned,
                         int64_t vocab, int32_t* out) {
  __shared__ double sums[kThreads / 32];
  __shared__ int counts[kThreads / 32];
  launch_dependents();
  wait_for_prerequisites();
  float* row = logits + blockIdx.x * vocab;
  const SamplingRow terms = sampling[blockIdx.x];
  for (int i = threadIdx.x; i < terms.banned; i += kThreads)
    row[banned[terms.first_banned + i]] = -INFINITY;
  __syncthreads();
  const Best best = block_best(row, vocab);
  if (!isfinite(best.value)) {
    if (threadIdx.x == 0) out[blockIdx.x] = -1;
    return;
  }
  if (!(terms.temperature > 0)) {
    if (threadIdx.x == 0) out[blockIdx.x] = best.token;
    return;
  }
  const auto weight_of = [&](float logit) {
    return logit == -INFINITY || isnan(logit)
               ? 0.0
               : exp((static_cast<double>(logit) - best.value) / terms.temperature);
  };
  // The smallest logit that stays in: of the top k by bisection over the bits of floats.
  uint32_t least = ordered(-FLT_MAX);
  if (terms.top_k > 0 && terms.top_k < vocab) {
    uint32_t low = 0, high = ordered(best.value);  // at least top_k logits are >= low
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2 + 1;
      int count = 0;
      for (int64_t i = threadIdx.x; i < vocab; i += kThreads) count += ordered(row[i]) >= middle;
      if (block_sum(count, counts) >= terms.top_k) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    least = max(least, low);
  }
  const auto weight_above = [&](uint32_t bound) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < vocab; i += kThreads)
      if (ordered(row[i]) >= bound) sum += weight_of(row[i]);
    return block_sum(sum, sums);
  };
  const double total = weight_above(least);
  const double drawn = static_cast<double>(split_mix(terms.seed, terms.index) >> 11) * 0x1.0p-53;
  // The largest bound in [low, best] whose weight reaches `wanted`.
  const auto reach = [&](uint32_t low, double wanted) {
    uint32_t high = ordered(best.value);
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2 + 1;
      if (weight_above(middle) >= wanted) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  };
  // Top p keeps the most probable tokens, of equal ones the first, and draws in that order.
  if (terms.top_p < 1) {
    const auto above = [&](uint32_t bound) {
      return bound == ordered(best.value) ? 0.0 : weight_above(bound + 1);
    };
    const uint32_t edge = reach(least, terms.top_p * total);
    const double edge_weight = weight_of(unordered(edge)), before_edge = above(edge);
    const double ties = fmax(1.0, ceil((terms.top_p * total - before_edge) / edge_weight));
    const double left = drawn * (before_edge + ties * edge_weight);
    const uint32_t hit = reach(edge, left);
    const double hit_weight = weight_of(unordered(hit));
    const auto which = static_cast<int>(fmax(0.0, floor((left - above(hit)) / hit_weight)));
    if (threadIdx.x >= 32) return;
    int seen = 0;
    int32_t token = best.token;
    for (int64_t first = 0; first < vocab && seen <= which; first += 32) {
      const int64_t i = first + threadIdx.x;
      unsigned equal = __ballot_sync(~0u, i < vocab && ordered(row[i]) == hit);
      for (; equal != 0 && seen <= which; equal &= equal - 1, ++seen)
        token = static_cast<int32_t>(first + __ffs(static_cast<int>(equal)) - 1);
    }
    if (threadIdx.x == 0) out[blockIdx.x] = token;
    return;
  }
  // The draw goes through the tokens in order; one warp, 32 tokens a time.
  if (threadIdx.x >= 32) return;
  const int lane = threadIdx.x;
  double left = drawn * total;
  int32_t last = best.token;
  for (int64_t first = 0; first < vocab; first += 32) {
    const int64_t i = first + lane;
    const uint32_t bits = i < vocab ? ordered(row[i]) : 0;
    const bool in = i < vocab && bits >= least;
    const double weight = in ? weight_of(row[i]) : 0;
    const unsigned any = __ballot_sync(~0u, in && weight > 0);
    if (any == 0) continue;
    double sum = weight;
    for (int step = 1; step < 32; step *= 2) {
      const double other = __shfl_up_sync(~0u, sum, step);
      if (lane >= step) sum += other;
    }
    const unsigned hit = __ballot_sync(~0u, in && weight > 0 && left < sum);
    if (hit != 0) {
      last = static_cast<int32_t>(first + __ffs(static_cast<int>(hit)) - 1);
      break;
    }
    last = static_cast<int32_t>(first + 31 - __clz(static_cast<int>(any)));
    left -= __shfl_sync(~0u, sum, 31);
  }
  if (lane == 0) out[blockIdx.x] = last;
}

__global__ void __launch_bounds__(kThreads)
    best_tokens_kernel(float* logits, const SamplingRow* sampling, const int32_t* banned,
                       int64_t columns, int64_t first_token, float* best, int32_t* token) {
  launch_dependents();
  wait_for_prerequisites();
  float* row = logits + blockIdx.x * columns;
  const SamplingRow terms = sampling[blockIdx.x];
  for (int i = threadIdx.x; i < terms.banned; i += kThreads) {
    const int64_t column = banned[terms.first_banned + i] - first_token;
    if (column >= 0 && column < columns) row[column] = -INFINITY;
  }
  __syncthreads();
  const Best found = block_best(row, columns);
  if (threadIdx.x > 0) return;
  best[blockIdx.x] = found.value;
  token[blockIdx.x] =
      found.token == INT32_MAX ? INT32_MAX : static_cast<int32_t>(first_token + found.token);
}

__global__ void __launch_bounds__(kThreads)
    log_probability_kernel(const float* logits, int64_t vocab, const int32_t* target_row,
                           const int32_t* targets, double* out) {
  __shared__ double sums[kThreads / 32];
  launch_dependents();
  wait_for_prerequisites();
  const float* row = logits + target_row[blockIdx.x] * vocab;
  const Best best = block_best(row, vocab);
  double sum = 0;
  for (int64_t i = threadIdx.x; i < vocab; i += kThreads)
    sum += exp(static_cast<double>(row[i]) - best.value);
  sum = block_sum(sum, sums);
  if (threadIdx.x == 0) {
    out[blockIdx.x] =
        static_cast<double>(row[targets[blockIdx.x]]) - static_cast<double>(best.value) - log(sum);
  }
}

}  // namespace

void choose_tokens(const Gpu& gpu, float* logits, const SamplingRow* sampling,
                   const int32_t* banned, int64_t rows, int64_t vocab, int32_t* out) {
  launch(gpu, "choose_tokens", choose_tokens_kernel, static_cast<unsigned>(rows), kThreads, 0,
         logits, sampling, banned, vocab, out);
}

void best_tokens(const Gpu& gpu, float* logits, const SamplingRow* sampling, const int32_t* banned,
                 int64_t rows, int64_t columns, int64_t first_token, float* best, int32_t* token) {
  launch(gpu, "best_tokens", best_tokens_kernel, static_cast<unsigned>(rows), kThreads, 0, logits,
         sampling, banned, columns, first_token, best, token);
}

void log_probability(const Gpu& gpu, const float* logits, int64_t vocab, const int32_t* target_row,
                     const int32_t* targets, int64_t count, double* out) {
  if (count == 0) return;
  launch(gpu, "log_probability", log_probability_kernel, static_cast<unsigned>(count), kThreads, 0,
         logits, vocab, target_row, targets, out);
}

}  // namespace loadmark::ops::cuda
