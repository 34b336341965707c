// llama.cpp's part of `npm run bench:peers`, through its own C interface: what it does without a binding between. Asked
// twice, measured once; sizes as in workload.ts. Compiled against the headers of the release that the binding carries.
//
//   llama-cpp-speed FOLDER_OF_LIBRARIES FILE.gguf THREADS

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "llama.h"

namespace {

constexpr int kPromptTokens = 512, kDecodedTokens = 128, kContextTokens = 1024;

double seconds() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "llama.cpp: %s\n", what);
  std::exit(1);
}

llama_token likeliest(llama_context* context, int vocab_size) {
  const float* logits = llama_get_logits_ith(context, -1);
  return static_cast<llama_token>(std::max_element(logits, logits + vocab_size) - logits);
}

void decode(llama_context* context, llama_token* tokens, int count) {
  if (llama_decode(context, llama_batch_get_one(tokens, count)) != 0) fail("a step failed");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) fail("usage: llama-cpp-speed FOLDER_OF_LIBRARIES FILE.gguf THREADS");
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  ggml_backend_load_all_from_path(arguments[1]);
  llama_model_params model_params = llama_model_default_params();
  model_params.n_gpu_layers = 0;
  llama_model* model = llama_model_load_from_file(arguments[2], model_params);
  if (model == nullptr) fail("it does not load the file");
  llama_context_params params = llama_context_default_params();
  params.n_ctx = kContextTokens;
  params.n_batch = params.n_ubatch = kPromptTokens;
  params.n_threads = params.n_threads_batch = std::atoi(arguments[3]);
  llama_context* context = llama_init_from_model(model, params);
  if (context == nullptr) fail("it makes no context");
  const int vocab_size = llama_vocab_n_tokens(llama_model_get_vocab(model));

  std::vector<llama_token> prompt;
  for (int i = 0; i < kPromptTokens; ++i) prompt.push_back(1000 + i * 7919 % 30000);
  double asked = 0, first = 0, last = 0;
  for (int round = 0; round < 2; ++round) {
    llama_memory_clear(llama_get_memory(context), true);
    asked = seconds();
    decode(context, prompt.data(), kPromptTokens);
    llama_token token = likeliest(context, vocab_size);
    first = seconds();
    for (int i = 0; i < kDecodedTokens; ++i) {
      decode(context, &token, 1);
      token = likeliest(context, vocab_size);
    }
    last = seconds();
  }
  std::printf("{\"prefillTokensPerSecond\":%.6g,\"decodeTokensPerSecond\":%.6g,\"system\":\"%s\"}\n",
              kPromptTokens / (first - asked), kDecodedTokens / (last - first),
              llama_print_system_info());
  return 0;
}
