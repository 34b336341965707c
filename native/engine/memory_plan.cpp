// Linux says what is left in /proc/meminfo and, for control groups, under /sys/fs/cgroup (versions
// 2 and 1).
#include "engine/memory_plan.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "base/error.h"

namespace loadmark {
namespace {

// The number after `key` in a file of "key number" lines, -1 where there is none.
int64_t read_field(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    int64_t value = 0;
    if (words >> name >> value && name == key) return value;
  }
  return -1;
}

// The one number a file holds; -1 where there is no file or it says "max".
int64_t read_number(const std::string& path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : -1;
}

// limit - usage of one control group; file pages it has not touched lately can be taken back. -1
// without a limit.
int64_t group_room(const std::string& folder, const char* limit_file, const char* usage_file,
                   const char* cache_key) {
  const int64_t limit = read_number(folder + "/" + limit_file);
  const int64_t usage = read_number(folder + "/" + usage_file);
  if (limit < 0 || usage < 0) return -1;
  const int64_t cache = std::max<int64_t>(0, read_field(folder + "/memory.stat", cache_key));
  return std::max<int64_t>(0, limit - std::max<int64_t>(0, usage - cache));
}

// The least room from the process's own group up to the root, as /proc/self/cgroup names it.
int64_t control_group_room() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  int64_t least = -1;
  while (std::getline(groups, line)) {
    const bool unified = line.rfind("0::", 0) == 0;
    const size_t memory = line.find(":memory:");
    if (!unified && memory == std::string::npos) continue;
    std::string path = unified ? line.substr(3) : line.substr(memory + 8);
    const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    for (;;) {
      if (path == "/") path.clear();
      const int64_t room =
          unified ? group_room(root + path, "memory.max", "memory.current", "inactive_file")
                  : group_room(root + path, "memory.limit_in_bytes", "memory.usage_in_bytes",
                               "total_inactive_file");
      if (room >= 0 && (least < 0 || room < least)) least = room;
      if (path.empty()) break;
      path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
  }
  return least;
}

std::string megabytes(int64_t bytes) {
  char text[48];
  std::snprintf(text, sizeof text, "%lld bytes (%.1f MiB)", static_cast<long long>(bytes),
                static_cast<double>(bytes) / (1 << 20));
  return text;
}

}  // namespace

int64_t available_memory() {
  const int64_t kilobytes = read_field("/proc/meminfo", "MemAvailable:");
  const int64_t machine = kilobytes < 0 ? -1 : kilobytes * 1024;
  const int64_t group = control_group_room();
  if (machine < 0 || group < 0) return std::max(machine, group);
  return std::min(machine, group);
}

void require_memory(const MemoryPlan& plan, int64_t available, int64_t kv_page_bytes,
                    int64_t least_kv_pages) {
  if (available < 0 || plan.peak() <= available) return;
  if (plan.weights + plan.loading > available) {
    throw Error(kOutOfMemory, "weights take " + megabytes(plan.weights) + " and packing them " +
                                  megabytes(plan.loading) + " more for a moment; available: " +
                                  megabytes(available) + "; this model needs at least both");
  }
  std::string advice;
  const int64_t rest = plan.total() - plan.kv_cache;
  const int64_t pages = (available - rest) / kv_page_bytes;
  if (available > rest && pages >= least_kv_pages) {
    advice = "kvCacheBytes " + std::to_string(pages * kv_page_bytes) + " would fit";
  } else if (plan.weights + least_kv_pages * kv_page_bytes < available) {
    advice = "a smaller maxStepTokens or maxSequenceTokens would fit";
  } else {
    advice =
        "this model needs at least " + megabytes(plan.weights + least_kv_pages * kv_page_bytes);
  }
  throw Error(kOutOfMemory, "the plan takes " + megabytes(plan.total()) + ": weights " +
                                std::to_string(plan.weights) + ", KV cache " +
                                std::to_string(plan.kv_cache) + ", activations " +
                                std::to_string(plan.activations) + ", logits " +
                                std::to_string(plan.logits) +
                                "; available: " + megabytes(available) + "; " + advice);
}

}  // namespace loadmark
