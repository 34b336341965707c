// What ranks leave in each other's memory, and the kernels that do the exchange; whose memory that
// is and which kernel serves which size is collective.cu's business.
#pragma once

#include "ops/cuda/launch.cuh"
#include "ops/gpu_exchange.h"

namespace loadmark::ops::cuda {

// A rank's memory that all ranks write to, zero at first. Counters only rise, and a block's differ
// from rank to rank by no more than the turn under way, since all ranks queue the same calls.
struct Exchange {
  // [block][rank]: turns in which the rank's data are there to be read; tiles that the rank has
  // read of this rank's; where its data lie.
  uint32_t ready[kChunkBlocks][kMostRanks];
  uint32_t done[kChunkBlocks][kMostRanks];
  uint64_t address[kChunkBlocks][kMostRanks];
  // This rank's own turns by block, in its own kernels' hands.
  uint32_t ready_turn[kChunkBlocks], done_turn[kChunkBlocks];
  uint32_t word_turn[kWordBlocks], choice_turn[kChoiceBlocks];
};

// By value to every kernel of a rank.
struct Peers {
  float* partial[kMostRanks];
  Exchange* exchange[kMostRanks];
  ulonglong2* words[kMostRanks];    // (2, ranks, kWordBlocks, kWordQuads, 2, kWordThreads)
  ulonglong2* choices[kMostRanks];  // (2, ranks, kChoiceRows)
  uint32_t* fault;                  // pinned host memory of this rank
  int rank;
  bool early;  // the next kernel may take room on the device while this one waits
};
inline constexpr int64_t kWordInbox = kWordFloats / 2;  // pairs of words
static_assert(sizeof(Exchange) <= kExchangeFlagBytes);

// Loads the kernels of `ranks` ranks: a kernel that is loaded at its first launch may wait for all
// work on its device, another rank's included.
void prepare_exchange(const Gpu& gpu, int ranks);
void add_by_words(const Gpu& gpu, const Peers& peers, int ranks, int64_t count, float* sum);
void add_by_chunks(const Gpu& gpu, const Peers& peers, int ranks, const ChunkShape& shape,
                   int64_t count, float* sum);
// sum (count) += partial, which is zero afterwards.
void add_whole(const Gpu& gpu, float* partial, int64_t count, float* sum);
// rows <= kChoiceRows
void choose_by_words(const Gpu& gpu, const Peers& peers, int ranks, const float* best,
                     const int32_t* index, int64_t rows, int32_t* tokens);
// The same of values that are all here, (ranks, rows).
void choose_gathered(const Gpu& gpu, int ranks, const float* best, const int32_t* index,
                     int64_t rows, int32_t* tokens);
void gather_by_chunks(const Gpu& gpu, const Peers& peers, int ranks, int blocks, const float* part,
                      int64_t rows, int64_t part_columns, float* whole);

}  // namespace loadmark::ops::cuda
