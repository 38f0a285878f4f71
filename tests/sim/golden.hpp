#pragma once

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace hearth::sim {

/// Compares a chronicle with tests/sim/golden/<name>.txt, line by line; with HEARTH_SIM_WRITE_GOLDEN=1 it becomes that file.
template <class Lines>
void check_golden(const std::string& name, const Lines& lines) {
  const auto path = std::string(HEARTH_SOURCE_DIR) + "/tests/sim/golden/" + name + ".txt";
  if (std::getenv("HEARTH_SIM_WRITE_GOLDEN") != nullptr) {
    std::ofstream file(path);
    for (const auto& line : lines)
      file << line << '\n';
    BOOST_TEST(file.good());
    return;
  }
  std::ifstream file(path);
  BOOST_REQUIRE_MESSAGE(file, path << " is missing; HEARTH_SIM_WRITE_GOLDEN=1 writes it");
  std::vector<std::string> expected;
  for (std::string line; std::getline(file, line);)
    expected.push_back(line);
  for (std::size_t i = 0; i < std::min(expected.size(), lines.size()); ++i)
    BOOST_REQUIRE_MESSAGE(expected[i] == lines[i], name << ", line " << i + 1 << ": expected\n  " << expected[i]
                                                        << "\nbut it is\n  " << lines[i]);
  BOOST_TEST(expected.size() == lines.size());
}

} // namespace hearth::sim
