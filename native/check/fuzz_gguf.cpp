// Can any bytes make the GGUF reader, or what is made of its metadata, do worse than refuse? Every
// tensor it accepts must lie inside the input, as the sanitizers see.
#include <algorithm>
#include <memory>

#include "check/mutator.h"
#include "model/gguf.h"
#include "model/gguf_config.h"

namespace loadmark::check {
namespace {

template <class T>
std::string bytes_of(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string text(const std::string& value) { return bytes_of<uint64_t>(value.size()) + value; }

std::string pad(std::string bytes) {
  bytes.resize((bytes.size() + 31) / 32 * 32);
  return bytes;
}

std::string value(const std::string& key, uint32_t value) {
  return text(key) + bytes_of<uint32_t>(4) + bytes_of(value);
}

std::string entry(const std::string& name, std::vector<uint64_t> sizes, uint32_t type,
                  uint64_t offset) {
  std::string out = text(name) + bytes_of(static_cast<uint32_t>(sizes.size()));
  for (const uint64_t size : sizes) out += bytes_of(size);
  return out + bytes_of(type) + bytes_of(offset);
}

std::string make_file(uint64_t tensors, uint64_t values, const std::string& header,
                      size_t data_bytes) {
  return pad("GGUF" + bytes_of<uint32_t>(3) + bytes_of(tensors) + bytes_of(values) + header) +
         std::string(data_bytes, '\x3c');
}

std::vector<std::string> make_seeds() {
  const std::string llama =
      text("general.architecture") + bytes_of<uint32_t>(8) + text("llama") +
      value("llama.block_count", 1) + value("llama.context_length", 64) +
      value("llama.embedding_length", 32) + value("llama.feed_forward_length", 32) +
      value("llama.attention.head_count", 2) + value("llama.expert_count", 0) +
      text("llama.attention.layer_norm_rms_epsilon") + bytes_of<uint32_t>(6) +
      bytes_of<float>(1e-5f);
  return {
      make_file(2, 8,
                llama + entry("token_embd.weight", {32, 4}, 2, 0) +
                    entry("blk.0.attn_q.weight", {32, 32}, 8, 96),
                96 + 1088),
      make_file(1, 10,
                llama + text("x") + bytes_of<uint32_t>(9) + bytes_of<uint32_t>(8) +
                    bytes_of<uint64_t>(2) + text("a") + text("b") + value("general.alignment", 32) +
                    entry("token_embd.weight", {256, 2}, 14, 0),
                448),
      make_file(2, 8,
                llama + entry("token_embd.weight", {32, 4}, 2, 0) +
                    entry("rope_freqs.weight", {8}, 0, 96),
                96 + 32),
  };
}

void read_file(const std::string& file) {
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[file.size()]);
  std::copy(file.begin(), file.end(), bytes.get());
  Gguf gguf = parse_gguf(bytes.get(), static_cast<int64_t>(file.size()), "fuzz");
  float sum = 0;
  const auto add_up = [&] {
    for (const Tensor& tensor : gguf.tensors) {
      int64_t count = 1;
      for (const int64_t size : tensor.shape) count *= size;
      if (count != tensor.count()) throw std::logic_error("shape and bytes disagree");
      if (!is_float(tensor.type) && !is_block(tensor.type)) continue;
      for (const float value : decode_float32(tensor)) sum += value;
    }
  };
  add_up();
  const ModelConfig config = parse_gguf_config(gguf, "fuzz");
  translate_gguf_tensors(&gguf, "fuzz");
  add_up();
  volatile float keep = sum + static_cast<float>(config.rope.factors.size());
  (void)keep;
}

}  // namespace
}  // namespace loadmark::check

int main(int argc, char** argv) {
  using namespace loadmark::check;
  const std::vector<std::string> words = {"GGUF",
                                          "llama.rope.dimension_count",
                                          "split.count",
                                          "llama.logit_scale",
                                          "general.alignment",
                                          "blk.0.attn_k.weight",
                                          "output.weight",
                                          "rope_freqs.weight",
                                          bytes_of<uint64_t>(uint64_t{1} << 63),
                                          bytes_of<uint64_t>(0),
                                          bytes_of<uint64_t>(32),
                                          bytes_of<uint32_t>(9),
                                          bytes_of<uint32_t>(12),
                                          bytes_of<uint32_t>(0xffffffffu),
                                          std::string(24, '\0')};
  return fuzz(
      "gguf", parse_arguments(argc, argv), make_seeds(), words, [](Mutator&, std::string*) {},
      read_file);
}
