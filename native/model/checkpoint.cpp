// A folder's tensors have Hugging Face's names already; a GGUF file's are translated.
#include "model/checkpoint.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "model/gguf_config.h"
#include "model/safetensors.h"

namespace loadmark {

Checkpoint::Checkpoint(const std::string& path) : is_gguf_(is_gguf_path(path)) {
  if (is_gguf_) {
    open_gguf(path);
  } else {
    open_folder(path);
  }
}

namespace {

// Weights in a form that is not read, of the names they usually have; throws where they are all
// there is.
void refuse_other_weights(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(folder.c_str()), closedir);
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing.get())) {
    const std::string file = entry->d_name;
    const std::string ending = file.substr(std::min(file.rfind('.'), file.size()));
    if (ending != ".bin" && ending != ".pt" && ending != ".pth" && ending != ".gguf") continue;
    throw Error(kBadCheckpoint,
                folder + " has " + quoted(file) +
                    (ending == ".gguf" ? "; a GGUF file is read where the model is its own path"
                                       : ", a pickle, which is not read") +
                    "; allowed in a folder: model.safetensors, or "
                    "model.safetensors.index.json and its files");
  }
}

}  // namespace

void Checkpoint::open_folder(const std::string& folder) {
  const std::string index = folder + "/model.safetensors.index.json";
  const std::string single = "model.safetensors";
  const bool has_single = access((folder + "/" + single).c_str(), F_OK) == 0;
  const bool has_index = access(index.c_str(), F_OK) == 0;
  if (!has_single && !has_index) refuse_other_weights(folder);
  if (has_single || !has_index) {
    map_shard(folder + "/" + single, single);
    return;
  }
  const auto shards = read_shard_index(index);
  std::set<std::string> files;
  for (const auto& [name, file] : shards) files.insert(file);
  for (const std::string& file : files) map_shard(folder + "/" + file, file);
  for (const auto& [name, file] : shards) {
    if (!has(name)) {
      throw Error(kBadCheckpoint,
                  file + ": lacks tensor " + quoted(name) + ", which the index says it holds");
    }
  }
}

void Checkpoint::open_gguf(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  const MappedFile& mapped = *files_.emplace_back(std::make_unique<MappedFile>(path));
  Gguf gguf = parse_gguf(mapped.bytes(), mapped.size(), file);
  translate_gguf_tensors(&gguf, file);
  for (Tensor& tensor : gguf.tensors) add(std::move(tensor), file);
}

void Checkpoint::map_shard(const std::string& path, const std::string& file) {
  const MappedFile& mapped = *files_.emplace_back(std::make_unique<MappedFile>(path));
  for (Tensor& tensor : parse_safetensors(mapped.bytes(), mapped.size(), file))
    add(std::move(tensor), file);
}

void Checkpoint::add(Tensor tensor, const std::string& file) {
  tensor.file = file;
  if (tensor.stored.empty()) tensor.stored = tensor.name;
  std::string name = tensor.name;
  if (!tensors_.emplace(name, std::move(tensor)).second) {
    throw Error(kBadCheckpoint, file + ": tensor " + quoted(name) + " is in another shard too");
  }
}

const Tensor& Checkpoint::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw Error(kBadCheckpoint, "the checkpoint lacks tensor " + quoted(name) + "; it holds " +
                                    std::to_string(tensors_.size()) + " others");
  }
  return found->second;
}

const Tensor& Checkpoint::find(std::string_view name, const std::vector<int64_t>& shape) const {
  const Tensor& tensor = find(name);
  if (tensor.shape != shape) {
    throw Error(kBadCheckpoint, "tensor " + quoted(name) + " has shape " +
                                    shape_text(tensor.shape) + "; config.json asks for " +
                                    shape_text(shape));
  }
  return tensor;
}

std::vector<float> Checkpoint::read_float32(std::string_view name,
                                            const std::vector<int64_t>& shape) const {
  const Tensor& tensor = find(name, shape);
  if (!is_float(tensor.type) && !is_block(tensor.type)) {
    throw Error(kBadCheckpoint, "tensor " + quoted(name) + " has dtype " +
                                    data_type_name(tensor.type) + "; allowed: F32, BF16, F16");
  }
  std::vector<float> values = decode_float32(tensor);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw Error(kBadCheckpoint, "tensor " + quoted(name) + " holds " + std::to_string(values[i]) +
                                      " at element " + std::to_string(i) +
                                      "; allowed: finite values");
    }
  }
  return values;
}

}  // namespace loadmark
