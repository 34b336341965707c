// Is a part of a linear what the format holds of those values? Cuts every linear of the checkpoints
// named on the command line by outputs, by inputs and by both, and holds what the parts decode to
// against the same ranges of the whole; then how the ranks of a group meet, add and break off.
// usage: shard_check CHECKPOINT...
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/error.h"
#include "base/rank_group.h"
#include "base/watched_thread.h"
#include "check/reporter.h"
#include "engine/rank_threads.h"
#include "model/linear_cut.h"
#include "model/weights.h"

namespace loadmark::check {
namespace {

struct Decoder {
  int64_t n, k;
  std::vector<float> values;  // (n, k)

  void operator()(const FloatLinear& w) { to_float32(w, n * k, values.data()); }
  void operator()(const Int4Weight& w) { dequantize(w, values.data()); }
  void operator()(const Int8Groups& w) { dequantize(w, values.data()); }
  void operator()(const Int8Linear& w) { scale(w.q, w.absmax); }
  void operator()(const RoundedInt8& w) { scale(w.q, w.scale); }
  void scale(const std::vector<int8_t>& q, const std::vector<float>& scales) {
    for (int64_t i = 0; i < n * k; ++i) {
      values[static_cast<size_t>(i)] =
          static_cast<float>(q[static_cast<size_t>(i)]) * scales[static_cast<size_t>(i / k)];
    }
  }
};

std::vector<float> decode(const SourceLinear& source) {
  Decoder decoder{source.n, source.k, std::vector<float>(static_cast<size_t>(source.n * source.k))};
  std::visit(decoder, source.content);
  return decoder.values;
}

std::string text(const Range& range) {
  return std::to_string(range.first) + "+" + std::to_string(range.count);
}

void check_part(Reporter& report, const SourceLinear& whole, const std::vector<float>& values,
                const Range& outputs, const Range& inputs) {
  const std::string name = whole.path + " [" + text(outputs) + ", " + text(inputs) + "]";
  const SourceLinear part = cut_linear(whole, outputs, inputs);
  report.expect(part.n == outputs.count && part.k == inputs.count, name + ": its shape");
  const std::vector<float> got = decode(part);
  int64_t wrong = 0;
  for (int64_t row = 0; row < part.n; ++row) {
    for (int64_t column = 0; column < part.k; ++column) {
      const int64_t at = (outputs.first + row) * whole.k + inputs.first + column;
      wrong += got[static_cast<size_t>(row * part.k + column)] != values[static_cast<size_t>(at)];
    }
  }
  report.expect(wrong == 0, name + ": " + std::to_string(wrong) + " values differ");
  if (const auto* w = std::get_if<Int4Weight>(&part.content)) {
    const auto groups = static_cast<size_t>(w->groups());
    report.expect(w->scale.size() == groups * static_cast<size_t>(part.n) &&
                      (w->g_idx.empty() || w->g_idx.size() == static_cast<size_t>(part.k)),
                  name + ": its groups");
    ops::pack_int4(*w);  // throws where the vectors do not fit one another
  }
}

// Inputs of int8 in groups are cut between these.
int64_t input_unit(const SourceLinear& source) {
  const auto* groups = std::get_if<Int8Groups>(&source.content);
  return groups == nullptr ? 1 : groups->group_size;
}

void check_linear(Reporter& report, const SourceLinear& whole) {
  const std::vector<float> values = decode(whole);
  const Range all_outputs = {0, whole.n}, all_inputs = {0, whole.k};
  check_part(report, whole, values, all_outputs, all_inputs);
  for (const int64_t ranks : {2, 3, 4, 8}) {
    for (int64_t rank = 0; rank < ranks; ++rank) {
      const auto part = [&](int64_t count, int64_t unit) {
        const int64_t units = count / unit;
        return Range{units * rank / ranks * unit,
                     (units * (rank + 1) / ranks - units * rank / ranks) * unit};
      };
      const Range outputs = part(whole.n, 1), inputs = part(whole.k, input_unit(whole));
      if (outputs.count == 0 || inputs.count == 0) continue;
      check_part(report, whole, values, outputs, all_inputs);
      check_part(report, whole, values, all_outputs, inputs);
      check_part(report, whole, values, outputs, inputs);
      // A slice of a slice.
      if (ranks != 2 || inputs.count % (2 * input_unit(whole)) != 0) continue;
      const SourceLinear half = cut_linear(whole, all_outputs, inputs);
      check_part(report, half, decode(half), all_outputs, {half.k / 2, half.k / 2});
    }
  }
}

void check_checkpoint(Reporter& report, const std::string& path) {
  const ModelConfig config = read_model_config(path);
  const Checkpoint checkpoint(path);
  for (const LinearKind kind : kLinearKinds) {
    for (const ModulePart& module : linear_parts(config, 0, kind, {})) {
      const SourceLinear whole = read_linear(config, checkpoint, module.path, module.n, module.k);
      check_linear(report, whole);
      // Rounded before it is cut: the parts' rows have the whole rows' scales.
      if (!std::holds_alternative<FloatLinear>(whole.content)) continue;
      std::vector<SourceLinear> rounded =
          read_fused(config, checkpoint, {module}, WeightFormat::kInt8);
      report.expect(std::holds_alternative<RoundedInt8>(rounded.front().content),
                    module.path + " is rounded");
      check_linear(report, rounded.front());
    }
  }
}

// The shards of all ranks together are the model, heads of K and V held several times where there
// are fewer of them than ranks.
void check_ranges(Reporter& report) {
  ModelConfig config;
  config.heads = 8;
  config.head_dim = 16;
  config.hidden_size = 96;
  config.intermediate_size = 64;
  config.vocab_size = 40;
  for (const int64_t kv_heads : {1, 2, 4, 8}) {
    config.kv_heads = kv_heads;
    for (const int64_t ranks : {1, 2, 4, 8}) {
      const ModelConfig shard = shard_config(config, ranks);
      const std::string name =
          std::to_string(kv_heads) + " KV heads over " + std::to_string(ranks) + " ranks";
      for (int64_t rank = 0; rank < ranks; ++rank) {
        const std::vector<ModulePart> qkv =
            linear_parts(config, 0, LinearKind::kQkv, {rank, ranks});
        report.expect(qkv[0].outputs.count == shard.q_size() &&
                          qkv[1].outputs.count == shard.kv_size() &&
                          qkv[2].outputs.first == qkv[1].outputs.first,
                      name + ": sizes of q, k and v");
        // Each query head reads the KV head that it reads in the whole model.
        for (int64_t head = 0; head < shard.heads; ++head) {
          const int64_t of_whole = qkv[0].outputs.first / 16 + head;
          const int64_t kv = qkv[1].outputs.first / 16 + head / (shard.heads / shard.kv_heads);
          report.expect(kv == of_whole / (config.heads / kv_heads),
                        name + ": the KV head of query head " + std::to_string(of_whole));
        }
        const ModulePart o = linear_parts(config, 0, LinearKind::kO, {rank, ranks}).front();
        report.expect(o.inputs.first == qkv[0].outputs.first && o.outputs.count == o.n,
                      name + ": o reads the rank's own heads");
        const ModulePart head = head_part(config, {rank, ranks});
        report.expect(head.outputs.first == rank * 40 / ranks, name + ": the vocabulary");
      }
    }
  }
}

// Which numbers of devices a shape allows, and in how many slices each then multiplies.
void check_limits(Reporter& report) {
  ModelConfig config;
  config.layers = 1;
  config.heads = 8;
  config.kv_heads = 2;
  config.head_dim = 32;
  config.hidden_size = 256;
  config.intermediate_size = 512;
  config.vocab_size = 96;
  config.quantization = QuantizationConfig{};
  const auto allows = [&](const std::vector<int64_t>& numbers, const std::string& what) {
    const ShardLimits limits(config);
    report.expect(limits.allowed() == numbers, what);
    for (const int64_t ranks : {1, 2, 3, 4, 8, 16}) {
      if (std::find(numbers.begin(), numbers.end(), ranks) == numbers.end()) {
        report.refuses(what + ": " + std::to_string(ranks), kBadArgument,
                       [&] { limits.check(ranks); });
      } else {
        limits.check(ranks);
      }
    }
  };
  config.quantization->group_size = 32;
  allows({1, 2, 4, 8}, "groups of 32");
  report.expect(ShardLimits(config).row_slices(1) == 4 && ShardLimits(config).row_slices(2) == 2 &&
                    ShardLimits(config).row_slices(4) == 1 &&
                    ShardLimits(config).row_slices(8) == 1,
                "four slices on all devices together");
  config.quantization->group_size = 128;
  allows({1, 2}, "groups of 128, of o's 256 inputs");
  report.expect(ShardLimits(config).row_slices(1) == 2, "two slices");
  config.quantization->group_size = -1;
  allows({1, 2, 4, 8}, "a scale a row");
  config.quantization->group_size = 32;
  config.intermediate_size = 520;  // the last group of down is short
  allows({1}, "a short group");
  report.expect(ShardLimits(config).row_slices(1) == 1, "one slice");
  config.intermediate_size = 512;
  config.kv_heads = 8;
  config.heads = 24;
  allows({1, 2, 4, 8}, "24 heads and 8 of K and V");
  config.vocab_size = 98;
  allows({1, 2}, "98 tokens");
}

void check_group(Reporter& report) {
  for (const int ranks : {1, 2, 3, 4, 8}) {
    RankThreads threads(std::vector<std::string>(static_cast<size_t>(ranks), "cpu"));
    const int64_t count = 1000;
    std::vector<std::vector<float>> values(static_cast<size_t>(ranks));
    for (int round = 0; round < 50; ++round) {
      threads.run([&](int rank) {
        std::vector<float>& own = values[static_cast<size_t>(rank)];
        own.resize(static_cast<size_t>(count));
        for (int64_t i = 0; i < count; ++i)
          own[static_cast<size_t>(i)] =
              std::sin(static_cast<float>(i * (rank + 3) + round)) * std::ldexp(1.0f, 5 * rank);
        threads.group().sum(rank, own.data(), count);
      });
      bool same = true;
      for (const std::vector<float>& own : values) same = same && own == values.front();
      report.expect(same, std::to_string(ranks) + " ranks have one sum");
    }
    if (ranks != 4) continue;
    const auto term = [&](int rank) {
      return std::sin(static_cast<float>(7 * (rank + 3) + 49)) * std::ldexp(1.0f, 5 * rank);
    };
    report.expect(values[0][7] == (term(0) + term(1)) + (term(2) + term(3)),
                  "halves are added to halves");
  }
}

// A rank that fails while the others wait for it, at any of their meetings.
void check_fault(Reporter& report) {
  for (int failing = 0; failing < 3; ++failing) {
    for (int meetings = 0; meetings < 4; ++meetings) {
      int given_up = 0;
      RankThreads threads({"cpu", "cpu", "cuda:7"});
      threads.set_give_up([&] { ++given_up; });
      const auto work = [&](int rank) {
        for (int i = 0;; ++i) {
          if (rank == failing && i == meetings) throw Error(kOutOfMemory, "it is full");
          threads.group().meet();
        }
      };
      for (int again = 0; again < 2; ++again) {
        std::string fault;
        try {
          threads.run(work);
        } catch (const Error& error) {
          fault = std::string(error.code()) + " " + error.what();
        }
        const std::string name = failing == 2 ? "cuda:7" : "cpu";
        report.expect(fault == "ERR_OUT_OF_MEMORY rank " + std::to_string(failing) + " of 3 (" +
                                   name + "): it is full",
                      fault);
      }
      report.expect(given_up == 1, "the others are given up once");
    }
  }
}

// A rank whose thread ends while the others wait for it. Rank 0's is the caller's own.
void check_loss(Reporter& report) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  for (int lost = 0; lost < 3; ++lost) {
    for (int meetings = 0; meetings < 4; ++meetings) {
      RankThreads threads({"cpu", "cpu", "cuda:7"});
      const auto work = [&threads, lost, meetings](int rank) {
        for (int i = 0;; ++i) {
          if (rank == lost && i == meetings) end_this_thread();
          threads.group().meet();
        }
      };
      std::string fault;
      const auto run = [&] {
        try {
          threads.run(work);
        } catch (const Error& error) {
          fault = error.what();
        }
      };
      WatchedThread(run, [&] { threads.lose(0); }).join();
      if (lost == 0) run();
      const std::string name = lost == 2 ? "cuda:7" : "cpu";
      report.expect(fault == "rank " + std::to_string(lost) + " of 3 (" + name +
                                 "): its thread has ended without a word",
                    fault);
    }
  }
#else
  std::printf("lost threads are not checked under a sanitizer, which follows threads itself\n");
  static_cast<void>(report);
#endif
}

}  // namespace
}  // namespace loadmark::check

int main(int argc, char** argv) {
  using namespace loadmark::check;
  Reporter report;
  for (int i = 1; i < argc; ++i) check_checkpoint(report, argv[i]);
  check_ranges(report);
  check_limits(report);
  check_group(report);
  check_fault(report);
  check_loss(report);
  std::printf("shard_check: %lld checks, %lld failures\n", static_cast<long long>(report.checks()),
              static_cast<long long>(report.failures()));
  return report.failures() == 0 ? 0 : 1;
}
