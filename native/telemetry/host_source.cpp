#include "telemetry/host_source.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

namespace loadmark::telemetry {
namespace {

// Reading a frequency may interrupt the processor that is asked: a few stand for all.
constexpr size_t kMaxFrequencies = 8;

// Numbers of the folders cpu0, cpu1, ...
std::vector<int> list_cpus(const std::string& folder) {
  std::vector<int> cpus;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    int number = 0, end = 0;
    const std::string name = entry.path().filename().string();
    if (std::sscanf(name.c_str(), "cpu%d%n", &number, &end) == 1 &&
        static_cast<size_t>(end) == name.size()) {
      cpus.push_back(number);
    }
  }
  std::sort(cpus.begin(), cpus.end());
  return cpus;
}

std::string cpu_path(const std::string& folder, int cpu) {
  return folder + "/cpu" + std::to_string(cpu);
}

// Mean of the first few "cpu MHz" of /proc/cpuinfo.
double read_cpuinfo_mhz() {
  std::ifstream file("/proc/cpuinfo");
  double sum = 0;
  size_t count = 0;
  for (std::string line; count < kMaxFrequencies && std::getline(file, line);) {
    if (!line.starts_with("cpu MHz")) continue;
    sum += std::atof(line.c_str() + line.find(':') + 1);
    ++count;
  }
  return count == 0 ? kAbsent : sum / static_cast<double>(count);
}

}  // namespace

HostSource::HostSource(const std::string& cpu_folder) : resident_("/proc/self/statm") {
  const std::vector<int> cpus = list_cpus(cpu_folder);
  const size_t stride = std::max<size_t>(1, (cpus.size() + kMaxFrequencies - 1) / kMaxFrequencies);
  for (size_t i = 0; i < cpus.size(); i += stride) {
    NumberFile file(cpu_path(cpu_folder, cpus[i]) + "/cpufreq/scaling_cur_freq");
    if (file.read().has_value()) frequencies_.push_back(std::move(file));
  }
  Device cpu{.name = "cpu", .kind = "cpu", .model = "", .uuid = "", .pci_bus_id = ""};
  reads_cpuinfo_ = frequencies_.empty() && read_cpuinfo_mhz() > 0;
  if (!frequencies_.empty() || reads_cpuinfo_) {
    cpu.channels.push_back("clockMhz");
  } else {
    absences_.push_back({"cpu clock", "neither " + cpu_folder +
                                          "/cpu*/cpufreq/scaling_cur_freq nor /proc/cpuinfo "
                                          "tells it"});
  }
  open_throttle_counts(cpu_folder, cpus);
  if (!throttle_counts_.empty()) cpu.channels.push_back("throttleCount");
  if (!cpu.channels.empty()) devices_.push_back(std::move(cpu));
  if (resident_.read_text().has_value()) {
    devices_.push_back({.name = "process",
                        .kind = "process",
                        .model = "",
                        .uuid = "",
                        .pci_bus_id = "",
                        .channels = {"residentBytes"}});
  } else {
    absences_.push_back({"process memory", resident_.reason()});
  }
}

// Every logical processor tells its core's and its package's count: each of these once.
void HostSource::open_throttle_counts(const std::string& cpu_folder, const std::vector<int>& cpus) {
  std::set<std::string> cores, packages;
  for (const int cpu : cpus) {
    const std::string path = cpu_path(cpu_folder, cpu);
    const auto topology = [&](const char* name) {
      return NumberFile(path + "/topology/" + name).read_text().value_or("?");
    };
    const std::string package = topology("physical_package_id");
    const auto open = [&](bool is_new, const char* name) {
      if (!is_new) return;
      NumberFile file(path + "/thermal_throttle/" + name);
      if (file.read().has_value()) throttle_counts_.push_back(std::move(file));
    };
    open(cores.insert(package + ":" + topology("core_id")).second, "core_throttle_count");
    open(packages.insert(package).second, "package_throttle_count");
  }
  if (throttle_counts_.empty())
    absences_.push_back({"cpu throttling", "there is no " + cpu_folder + "/cpu*/thermal_throttle"});
}

void HostSource::sample(double* values, FaultList&) {
  const auto sum = [](const std::vector<NumberFile>& files) {
    double total = 0;
    for (const NumberFile& file : files) total += file.read().value_or(kAbsent);
    return total;
  };
  if (!frequencies_.empty()) {
    *values++ = sum(frequencies_) / static_cast<double>(frequencies_.size()) / 1e3;
  } else if (reads_cpuinfo_) {
    *values++ = read_cpuinfo_mhz();
  }
  if (!throttle_counts_.empty()) *values++ = sum(throttle_counts_);
  // statm: total, then resident pages.
  const std::optional<std::string> memory = resident_.read_text();
  if (!memory.has_value()) return;
  long long pages = 0;
  const bool known = std::sscanf(memory->c_str(), "%*s %lld", &pages) == 1;
  *values++ =
      known ? static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) : kAbsent;
}

}  // namespace loadmark::telemetry
