#pragma once

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

/// Lists that checks compare and do not print.
BOOST_TEST_DONT_PRINT_LOG_VALUE(std::vector<int>)
BOOST_TEST_DONT_PRINT_LOG_VALUE(std::vector<std::string>)
