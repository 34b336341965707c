#include "telemetry/rapl_source.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

namespace loadmark::telemetry {
namespace {

// "intel-rapl:0" and "intel-rapl:0:1"; intel-rapl-mmio's zones are the same packages once more.
std::vector<std::string> list_zones(const std::string& folder) {
  std::vector<std::string> zones;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("intel-rapl:")) zones.push_back(name);
  }
  std::sort(zones.begin(), zones.end());
  return zones;
}

// "intel-rapl:1:0" -> "1"
std::string package_of(const std::string& zone) {
  const size_t start = zone.find(':') + 1;
  return zone.substr(start, zone.find(':', start) - start);
}

}  // namespace

double WrappingCounter::add(double value) {
  if (!std::isnan(last_)) sum_ += value >= last_ ? value - last_ : value + range_ - last_;
  last_ = value;
  return sum_;
}

RaplSource::RaplSource(const std::string& folder) {
  const std::vector<std::string> zones = list_zones(folder);
  if (zones.empty()) absences_.push_back({"rapl", "there is no intel-rapl in " + folder});
  std::set<std::string> seen;
  for (const std::string& zone : zones) {
    const std::string path = folder + "/" + zone;
    std::string name = NumberFile(path + "/name").read_text().value_or("");
    // Cores and uncore are parts of their package, psys is more than packages: neither adds up.
    if (name == "dram") name += "-" + package_of(zone);
    if (!name.starts_with("package-") && !name.starts_with("dram-")) continue;
    if (seen.insert(name).second) open_zone(path, name);
  }
  if (!zones.empty() && seen.empty())
    absences_.push_back({"rapl", folder + " has no package and no dram"});
}

void RaplSource::open_zone(const std::string& folder, const std::string& name) {
  NumberFile energy(folder + "/energy_uj");
  const std::optional<double> range = NumberFile(folder + "/max_energy_range_uj").read();
  if (!energy.read().has_value()) {
    const std::string because =
        energy.reason().empty() ? folder + "/energy_uj holds no number" : energy.reason();
    absences_.push_back({name, because});
  } else if (!range.has_value() || *range <= 0) {
    absences_.push_back({name, folder + "/max_energy_range_uj holds no number above 0"});
  } else {
    devices_.push_back({.name = name,
                        .kind = "rapl",
                        .model = "",
                        .uuid = "",
                        .pci_bus_id = "",
                        .channels = {"energyJoules"}});
    zones_.push_back({std::move(energy), WrappingCounter(*range)});
  }
}

void RaplSource::sample(double* values, FaultList&) {
  for (Zone& zone : zones_) {
    const std::optional<double> microjoules = zone.energy.read();
    *values++ = microjoules.has_value() ? zone.counter.add(*microjoules) / 1e6 : kAbsent;
  }
}

}  // namespace loadmark::telemetry
