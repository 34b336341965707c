// By which path, and in how many blocks, do the GPUs of a group exchange a message, how much memory
// does that take, and what is said of it? Arithmetic and text; ops/cuda/collective.cu does it.
#pragma once

#include <cstdint>
#include <string>

namespace loadmark::ops::cuda {

inline constexpr int kMostRanks = 8;
// Seconds after which a rank that has not come is given up.
inline constexpr int kExchangePatience = 10;

// ---- words: each 8 bytes of a message carry 4 bytes of flag, so data need nobody's permission
// ----
inline constexpr int kWordThreads = 128, kWordBlocks = 128;
inline constexpr int kWordQuads = 2;  // a thread's, at most
inline constexpr int64_t kWordFloats = int64_t{kWordBlocks} * kWordThreads * kWordQuads * 4;
// ---- chunks: flags a block, data read where they lie ----
inline constexpr int kChunkThreads = 512, kChunkBlocks = 64;
// Rows of choose_across that one launch takes.
inline constexpr int kChoiceThreads = 256, kChoiceBlocks = 32;
inline constexpr int64_t kChoiceRows = int64_t{kChoiceBlocks} * kChoiceThreads;

// What a group has to exchange with.
struct ExchangeMeans {
  int ranks = 1;
  bool peer = false;              // every rank can read and write every other's memory
  bool nccl = false;              // a communicator is open
  bool shares_device = false;     // two ranks are on one GPU
  int multiprocessors = 0;        // of the smallest GPU
  std::string nccl_version = "";  // "2.27.3"
};

enum class ExchangePath { kWords, kChunks, kNccl };
// Of a sum of `count` floats.
ExchangePath exchange_path(const ExchangeMeans& means, int64_t count);

struct WordShape {
  int blocks;
  int quads;  // a thread's: 1 or kWordQuads
};
// count <= kWordFloats; every block has a quad (4 floats) or more.
WordShape word_shape(int64_t count);

// Block b has quads [b * block_quads, (b + 1) * block_quads), which it takes in `tiles` of
// `tile_quads`; the same on every rank.
struct ChunkShape {
  int blocks, tiles;
  int64_t block_quads, tile_quads;
};
ChunkShape chunk_shape(const ExchangeMeans& means, int64_t count);

inline constexpr int64_t kExchangeFlagBytes = 1 << 16;  // from above
// Memory that a rank's Collective takes on its GPU at most, in bytes, NCCL's own apart.
int64_t exchange_bytes(int ranks, int64_t most_count);

// Memory that NCCL takes on a GPU for a group within one machine, in bytes, at most by its
// defaults: up to 32 channels, each with a ring, which reads from one rank, and a tree, there a
// chain, which reads from two; and for each of these the buffers of three protocols:
// NCCL_BUFFSIZE's 4 MiB (user guide, "Environment Variables"), 8 steps of 4,096 lines of 16 bytes
// (LL) and of 76,800 words of 8 bytes (LL128; NCCL 2.27, src/include/device.h). Reckoned, not
// measured.
inline constexpr int64_t kNcclBytes =
    int64_t{32} * 3 * ((4 << 20) + 8 * 4096 * 16 + 8 * int64_t{76800} * 8);

// 22703 -> "2.27.3"
std::string nccl_version_text(int version);
// "one-shot over peer memory up to 4.0 MiB, NCCL 2.27.3 above"
std::string describe_exchange(const ExchangeMeans& means);
// Why two GPUs, named as "cuda:0 (NVIDIA H100)", can exchange nothing.
std::string no_exchange(const std::string& first, const std::string& second);

// A rank that waited in vain leaves one number: 1 + the absent rank + kFaultCall * the call.
enum class ExchangeCall : uint32_t { kAdd, kChoose, kGather };
inline constexpr uint32_t kFaultCall = 16;
// "rank 1 waited 10 s for rank 0 in add_across"; of 0, nothing.
std::string describe_exchange_fault(int rank, uint32_t fault);

}  // namespace loadmark::ops::cuda
