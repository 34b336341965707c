// A step's numbers in one piece: written to pinned host memory, copied at once, and read by the
// kernels at the same places of the device's memory, which graphs therefore may name.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/batch.h"
#include "model/cuda_llama.h"

namespace loadmark {

class CudaStepInput {
 public:
  struct Limits {
    int64_t rows;   // of a step, padded
    int64_t pages;  // in the page tables of a step's sequences
    int64_t page_tokens, tile_tokens;
  };
  // What was written of a batch.
  struct Written {
    size_t bytes = 0;         // in use, from the first on
    int64_t decode_rows = 0;  // leading rows, one a sequence
    int64_t tiles = 0;        // of the rest
    // More banned tokens than there is room for: the rows of sampling() then name these instead.
    std::vector<int32_t> banned_apart;
  };

  explicit CudaStepInput(const Limits& limits);

  // Of the host memory that is written to.
  size_t bytes() const { return layout_.bytes; }
  // Rows up to the batch's rung of the ladder are filled up.
  Written write(const Batch& batch, uint8_t* host) const;
  // `rows` rows that are nobody's: what is written for them, and how much.
  size_t write_padding(int64_t rows, uint8_t* host) const;
  void copy(ops::cuda::Stream stream, const uint8_t* host, size_t bytes) const;

  // On the device, of the step copied last.
  CudaStep step(int64_t rows, int64_t decode_rows, int64_t tiles, const int32_t* previous) const;
  const int32_t* kept() const { return at<int32_t>(layout_.kept); }
  const ops::cuda::SamplingRow* sampling() const {
    return at<ops::cuda::SamplingRow>(layout_.sampling);
  }
  const int32_t* banned() const { return at<int32_t>(layout_.banned); }

 private:
  struct Layout {
    size_t tokens, positions, first_page, kept, sampling, banned, tiles, pages, bytes;
  };

  void write_runs(const Batch& batch, uint8_t* host, Written* written) const;
  void write_sampling(const Batch& batch, uint8_t* host, Written* written) const;
  void pad(int64_t first, int64_t end, bool decodes, uint8_t* host) const;
  template <class T>
  const T* at(size_t offset) const {
    return reinterpret_cast<const T*>(memory_.as<uint8_t>() + offset);
  }

  Limits limits_;
  Layout layout_ = {};
  ops::cuda::DeviceBuffer memory_;
};

}  // namespace loadmark
