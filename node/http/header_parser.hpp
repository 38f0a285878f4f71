#pragma once

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::http {

inline constexpr std::string_view end_of_header = "\r\n\r\n";

inline std::string string_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// Letters of ASCII alone: names and words of HTTP have no others.
inline std::string lower(boost::beast::string_view text) {
  std::string result(text.size(), '\0');
  std::transform(text.begin(), text.end(), result.begin(),
                 [](char c) { return boost::beast::detail::ascii_tolower(c); });
  return result;
}

/// Boost.Beast's grammar of a header of at most `bytes_max`, without a word about the body, which others read. Whoever derives from
/// it hears what a header holds; an error that is set there ends the reading.
template <bool is_request>
class header_parser : public boost::beast::http::basic_parser<is_request> {
protected:
  using error = boost::beast::error_code;

  explicit header_parser(std::size_t bytes_max) {
    this->header_limit(static_cast<std::uint32_t>(bytes_max));
    this->body_limit(boost::none);
    this->skip(true);
  }

private:
  void on_request_impl(boost::beast::http::verb, boost::beast::string_view, boost::beast::string_view, int,
                       error&) override {}
  void on_response_impl(int, boost::beast::string_view, int, error&) override {}
  void on_header_impl(error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error&) override {}
  std::size_t on_body_impl(boost::beast::string_view part, error&) override { return part.size(); }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view part, error&) override { return part.size(); }
  void on_finish_impl(error&) override {}
};

} // namespace hearth::http
