// attention: cuts a step into blocks of neighbouring rows of one sequence, a kv head each, so that
// a key or value is read once for every row and head of the block. A row's own sums run over its
// dimensions and positions in order, so neither page size nor the rows beside it can change a bit.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/error.h"
#include "ops/cpu/attention_kernels.h"
#include "ops/cpu/row_kernels.h"
#include "ops/cpu/tasks.h"

namespace loadmark::ops {
namespace {

void load_plain(KvType type, const void* cache, int64_t at, int64_t count, float* out) {
  if (type == KvType::kFloat32) {
    std::copy_n(static_cast<const float*>(cache) + at, count, out);
  } else if (type == KvType::kFloat16) {
    float16_to_float_plain(static_cast<const uint16_t*>(cache) + at, count, out);
  } else {
    bfloat16_to_float_plain(static_cast<const uint16_t*>(cache) + at, count, out);
  }
}

void scores_plain(const AttentionTask& task) {
  for (int64_t b = 0; b < task.block_count; ++b) {
    const KvBlock& block = task.blocks[b];
    load_plain(task.type, task.k, block.offset, block.width * task.head_dim, task.block);
    for (int64_t i = 0; i < task.queries(); ++i) {
      const float* q = task.query(i);
      float dot[kKeyBlock] = {};
      for (int64_t d = 0; d < task.head_dim; ++d) {
        const float* keys = task.block + d * block.width;
        for (int64_t j = 0; j < block.width; ++j) dot[j] += q[d] * keys[j];
      }
      float* scores = task.scores + i * task.score_stride + block.position;
      for (int64_t j = 0; j < block.width; ++j) scores[j] = dot[j] * task.scale;
    }
  }
}

void values_plain(const AttentionTask& task, int64_t query, float* row) {
  const int64_t dim = task.head_dim, first = task.first(query), count = task.count(query);
  float* scores = task.scores + query * task.score_stride;
  float* out = task.result(query);
  const float largest = *std::max_element(scores + first, scores + count);
  float sum = 0;
  std::fill_n(out, dim, 0.0f);
  for (int64_t b = 0; b < task.block_count; ++b) {
    const KvBlock& block = task.blocks[b];
    const int64_t end = std::min(count, block.position + block.width);
    for (int64_t p = std::max(first, block.position); p < end; ++p) {
      const float weight = std::exp(scores[p] - largest);
      sum += weight;
      load_plain(task.type, task.v, block.offset + (p - block.position) * dim, dim, row);
      for (int64_t i = 0; i < dim; ++i) out[i] += weight * row[i];
    }
  }
  for (int64_t i = 0; i < dim; ++i) out[i] /= sum;
}

}  // namespace

void attention_task_plain(const AttentionTask& task) {
  scores_plain(task);
  for (int64_t i = 0; i < task.queries(); ++i) values_plain(task, i, task.block);
}

namespace {

// Queries (rows x heads) that share the reading of keys and values. 32 were no faster, and their
// scores should stay in the second-level cache.
constexpr int64_t kBlockQueries = 16;

// Multiply-adds a task should have at least: a few times the cost of handing it out. And how many
// tasks a thread should get at least, so that none waits long for the last one.
constexpr int64_t kTaskMultiplyAdds = 256 << 10;
constexpr int64_t kTasksPerThread = 8;

// Rows [first, first + count) of a step: one sequence, consecutive positions.
struct RowBlock {
  int64_t first, count;
};

// What a thread keeps between tasks: the cache's blocks, scores of a block of rows, one widened
// block of keys.
struct Scratch {
  AlignedBuffer scores, block, factors;
  std::vector<KvBlock> blocks;
};

AttentionKernel choose([[maybe_unused]] Isa isa) {
#if defined(LOADMARK_X86)
  if (isa == Isa::kAvx512) return attention_task_avx512;
  if (isa == Isa::kAvx2) return attention_task_avx2;
#endif
  return attention_task_plain;
}

void check(const PagedKv& kv, int64_t heads) {
  if (kv.kv_heads < 1 || heads < 1 || heads % kv.kv_heads != 0) {
    throw Error(kBadArgument, "heads is " + std::to_string(heads) +
                                  "; it must be a multiple of kv_heads, " +
                                  std::to_string(kv.kv_heads));
  }
  if (kv.head_dim < 8 || kv.head_dim % 8 != 0) {
    throw Error(kBadArgument,
                "head_dim is " + std::to_string(kv.head_dim) + "; it must be a multiple of 8");
  }
}

void cut_rows(const RowPlaces& places, int64_t most, std::vector<RowBlock>* blocks) {
  blocks->clear();
  for (int64_t row = 0; row < places.rows; ++row) {
    const bool follows = row > 0 && places.page_tables[row] == places.page_tables[row - 1] &&
                         places.positions[row] == places.positions[row - 1] + 1;
    if (follows && blocks->back().count < most) {
      ++blocks->back().count;
    } else {
      blocks->push_back({row, 1});
    }
  }
}

// Where tasks of about equal work start among the row blocks, the end last.
void cut_tasks(const RowPlaces& places, const std::vector<RowBlock>& blocks, int64_t window,
               int64_t work_of_position, int64_t work_of_task, std::vector<int64_t>* starts) {
  starts->assign(1, 0);
  int64_t work = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const RowBlock& block = blocks[i];
    const int64_t positions = places.positions[block.first] + block.count;
    work += block.count * std::min(positions, window) * work_of_position;
    if (work >= work_of_task || i + 1 == blocks.size()) {
      starts->push_back(static_cast<int64_t>(i) + 1);
      work = 0;
    }
  }
}

// Appends the cache's blocks of positions begin..end - 1 of one kv head.
void list_blocks(const PagedKv& kv, const int32_t* page_table, int64_t kv_head, int64_t begin,
                 int64_t end, std::vector<KvBlock>* blocks) {
  int64_t page = begin / kv.page_tokens;
  int64_t token = begin % kv.page_tokens / kKeyBlock * kKeyBlock;
  for (int64_t first = page * kv.page_tokens; first < end; first += kv.page_tokens) {
    const int64_t tokens = std::min(kv.page_tokens, end - first);
    for (; token < tokens; token += kKeyBlock) {
      KvBlock block = kv_block(kv, page_table[page], kv_head, token);
      block.position += first;
      blocks->push_back(block);
    }
    token = 0;
    ++page;
  }
}

struct Call {
  const PagedKv& kv;
  const RowPlaces& places;
  const float* q;
  int64_t q_stride;
  int64_t heads;
  int64_t window;  // where there is none: more than any position
  float* out;
  AttentionKernel kernel;

  // The first position that a row at `position` attends to.
  int64_t first(int64_t position) const { return std::max<int64_t>(0, position + 1 - window); }
};

// `next`: what this thread does after, or null.
void attend(const Call& call, const RowBlock& rows, const RowBlock* next, int64_t kv_head) {
  thread_local Scratch scratch;
  const PagedKv& kv = call.kv;
  const int64_t group = call.heads / kv.kv_heads, first_head = kv_head * group;
  const int64_t first_position = call.places.positions[rows.first];
  const int64_t positions = first_position + rows.count;
  const int64_t score_stride = (positions + 2 * kKeyBlock - 1) / kKeyBlock * kKeyBlock;
  scratch.blocks.clear();
  list_blocks(kv, call.places.page_tables[rows.first], kv_head, call.first(first_position),
              positions, &scratch.blocks);
  const auto block_count = static_cast<int64_t>(scratch.blocks.size());
  if (next != nullptr) {
    const int64_t position = call.places.positions[next->first];
    const int64_t begin = call.first(position) / kKeyBlock * kKeyBlock;
    const int64_t soon = std::min(position + next->count, begin + kNextBlocks * kKeyBlock);
    list_blocks(kv, call.places.page_tables[next->first], kv_head, begin, soon, &scratch.blocks);
  }
  scratch.scores.reserve(static_cast<size_t>(rows.count * group * score_stride) * sizeof(float));
  scratch.block.reserve(static_cast<size_t>(kKeyBlock * kv.head_dim) * sizeof(float));
  scratch.factors.reserve(static_cast<size_t>(rows.count * group) * sizeof(float));
  const int64_t out_stride = call.heads * kv.head_dim;
  call.kernel({.k = kv.k,
               .v = kv.v,
               .type = kv.type,
               .blocks = scratch.blocks.data(),
               .block_count = block_count,
               .next_count = static_cast<int64_t>(scratch.blocks.size()) - block_count,
               .head_dim = kv.head_dim,
               .first_position = first_position,
               .rows = rows.count,
               .window = call.window,
               .heads = group,
               .scale = 1.0f / std::sqrt(static_cast<float>(kv.head_dim)),
               .q = call.q + rows.first * call.q_stride + first_head * kv.head_dim,
               .q_stride = call.q_stride,
               .out = call.out + rows.first * out_stride + first_head * kv.head_dim,
               .out_stride = out_stride,
               .scores = scratch.scores.as<float>(),
               .score_stride = score_stride,
               .block = scratch.block.as<float>(),
               .factors = scratch.factors.as<float>()});
}

}  // namespace

void attention(const Context& context, const PagedKv& kv, const RowPlaces& places, const float* q,
               int64_t q_stride, int64_t heads, int64_t window, float* out) {
  check(kv, heads);
  if (places.rows <= 0) return;
  if (window <= 0) window = std::numeric_limits<int64_t>::max();
  const Call call{kv, places, q, q_stride, heads, window, out, choose(context.isa)};
  const int64_t group = heads / kv.kv_heads, work_of_position = 2 * group * kv.head_dim;
  int64_t attended = 0;
  for (int64_t row = 0; row < places.rows; ++row)
    attended += std::min<int64_t>(places.positions[row] + 1, window);
  const int64_t work = attended * work_of_position * kv.kv_heads;
  thread_local std::vector<RowBlock> blocks;
  thread_local std::vector<int64_t> starts;
  cut_rows(places, std::max<int64_t>(1, kBlockQueries / group), &blocks);
  cut_tasks(places, blocks, window, work_of_position,
            std::max(kTaskMultiplyAdds, work / (kTasksPerThread * context.pool->size())), &starts);
  // A task is a run of row blocks and one kv head.
  const int64_t runs = static_cast<int64_t>(starts.size()) - 1;
  const RowBlock* block = blocks.data();
  const int64_t* start = starts.data();
  run_tasks(context, runs * kv.kv_heads, work, [&, block, start](int64_t task) {
    const int64_t run = task / kv.kv_heads, kv_head = task % kv.kv_heads;
    for (int64_t i = start[run]; i < start[run + 1]; ++i)
      attend(call, block[i], i + 1 < start[run + 1] ? block + i + 1 : nullptr, kv_head);
  });
}

}  // namespace loadmark::ops
