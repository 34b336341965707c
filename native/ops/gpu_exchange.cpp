#include "ops/gpu_exchange.h"

#include <algorithm>
#include <cstdio>

namespace loadmark::ops::cuda {
namespace {

int64_t parts(int64_t whole, int64_t part) { return (whole + part - 1) / part; }

// Flags beside the data double what the link carries and save two of three trips over it, about
// 2 us, in which a link of 400 GB/s carries 0.8 MB: worth it up to 512 KiB to all the other ranks.
int64_t most_word_count(int ranks) { return kWordFloats / std::max(1, ranks - 1); }

// One-shot reads ranks - 1 messages, a ring carries 2 (ranks - 1) / ranks of one but begins some
// 15 us later, in which a link carries 6 MB. Of two ranks a ring saves nothing.
int64_t most_peer_count(int ranks) {
  if (ranks <= 2) return INT64_MAX;
  return (int64_t{6} << 20) / 4 * ranks / ((ranks - 1) * (ranks - 2));
}

}  // namespace

ExchangePath exchange_path(const ExchangeMeans& means, int64_t count) {
  const bool peer = means.peer || means.ranks == 1;
  if (!peer || (means.nccl && count > most_peer_count(means.ranks))) return ExchangePath::kNccl;
  return count <= most_word_count(means.ranks) ? ExchangePath::kWords : ExchangePath::kChunks;
}

WordShape word_shape(int64_t count) {
  const int64_t blocks = parts(parts(count, 4), kWordThreads);
  return {static_cast<int>(std::min<int64_t>(blocks, kWordBlocks)),
          blocks <= kWordBlocks ? 1 : kWordQuads};
}

ChunkShape chunk_shape(const ExchangeMeans& means, int64_t count) {
  constexpr int64_t kLeastTile = 2048;  // quads: 32 KiB, some 5 us of a block's share of a link
  constexpr int64_t kMostTiles = 8;     // zeroed while the next are read; each costs a signal
  const int64_t quads = parts(count, 4);
  // Ranks on one GPU wait for each other, so all blocks of all of them have to find room.
  const int64_t most = means.shares_device
                           ? std::min(kChunkBlocks / 2, means.multiprocessors / means.ranks)
                           : std::min(kChunkBlocks, means.multiprocessors / 2);
  ChunkShape shape = {};
  shape.blocks = static_cast<int>(
      std::clamp<int64_t>(parts(quads, kLeastTile), 1, std::max<int64_t>(1, most)));
  shape.block_quads = parts(quads, shape.blocks);
  shape.tile_quads = std::max(kLeastTile, parts(shape.block_quads, kMostTiles));
  shape.tiles = static_cast<int>(parts(shape.block_quads, shape.tile_quads));
  return shape;
}

int64_t exchange_bytes(int ranks, int64_t most_count) {
  const int64_t inboxes = int64_t{2} * ranks * (kWordFloats * 8 + kChoiceRows * 16);
  return parts(most_count, 4) * 16 + inboxes + kExchangeFlagBytes;
}

std::string nccl_version_text(int version) {
  // Since 2.9 a number of five digits; before, 2.8.4 was 2804.
  const int unit = version >= 10000 ? 10000 : 1000;
  return std::to_string(version / unit) + "." + std::to_string(version % unit / 100) + "." +
         std::to_string(version % 100);
}

std::string describe_exchange(const ExchangeMeans& means) {
  if (means.ranks == 1) return "one rank, which adds up alone";
  if (!means.peer) return "NCCL " + means.nccl_version;
  const int64_t most = most_peer_count(means.ranks);
  if (!means.nccl || most == INT64_MAX) return "one-shot over peer memory";
  char text[64];
  std::snprintf(text, sizeof text, "one-shot over peer memory up to %.1f MiB, NCCL ",
                static_cast<double>(most) * 4 / (1 << 20));
  return text + means.nccl_version + " above";
}

std::string no_exchange(const std::string& first, const std::string& second) {
  return first + " and " + second +
         " cannot read each other's memory (no peer access), and libnccl.so.2, which would carry "
         "what they exchange, was not found; allowed: GPUs with peer access (NVLink, or PCIe where "
         "the driver offers it), or NCCL 2 where the loader finds it (LD_LIBRARY_PATH)";
}

std::string describe_exchange_fault(int rank, uint32_t fault) {
  if (fault == 0) return "";
  const char* const calls[] = {"add_across", "choose_across", "gather_columns"};
  return "rank " + std::to_string(rank) + " waited " + std::to_string(kExchangePatience) +
         " s for rank " + std::to_string((fault - 1) % kFaultCall) + " in " +
         calls[(fault - 1) / kFaultCall % 3];
}

}  // namespace loadmark::ops::cuda
