// What does a configuration say that its checkpoint's tensors do not? Each linear is shown once,
// then the doubts are told.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/checkpoint.h"
#include "model/stored_linear.h"

namespace loadmark {

class CheckpointDoubts {
 public:
  // Both must outlive it.
  CheckpointDoubts(const ModelConfig& config, const Checkpoint& checkpoint)
      : config_(config), checkpoint_(checkpoint) {}

  // A linear as find_linear found it, its tensors' shapes checked or not.
  void look_at_format(const StoredLinear& stored, const std::string& path);
  // The zero points of a GPTQ linear whose tensors' shapes are right.
  void look_at_zeros(const std::string& path);
  // A linear whose format a fault leaves open.
  void note_fault() { only_floats_ = false; }

  // Sentences, none of which stops a model from being loaded.
  std::vector<std::string> list();

 private:
  void doubt(const std::string& text) { doubts_.push_back(text); }
  void note_conventions();
  void note_config();
  void note_dtype();

  const ModelConfig& config_;
  const Checkpoint& checkpoint_;
  std::vector<std::string> doubts_;
  int64_t v1_ = 0, v2_ = 0, neither_ = 0;
  bool only_floats_ = true;            // no linear is, or may be, stored as anything else
  std::set<std::string> float_types_;  // of linears
  std::map<std::string, std::string> contradicting_;  // names said to be floats, first path of each
};

}  // namespace loadmark
