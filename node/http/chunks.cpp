#include "node/http/chunks.hpp"

#include "core/defaults_http.hpp"

#include <algorithm>

namespace hearth::http {

namespace {

constexpr std::size_t digits_max = 15;

int value_of(char digit) {
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  const char letter = static_cast<char>(digit | 0x20);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool is_text(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f); }

} // namespace

std::size_t chunk_reader::feed(std::string_view data, std::string& body) {
  std::size_t taken = 0;
  while (taken < data.size() && now_ == state::going_on)
    if (part_ == part::content)
      taken += take_content(data.substr(taken), body);
    else
      take(data[taken++]);
  return taken;
}

std::size_t chunk_reader::take_content(std::string_view data, std::string& body) {
  const auto part = data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(size_, data.size())));
  body.append(part);
  size_ -= part.size();
  if (size_ == 0)
    part_ = part::content_cr;
  return part.size();
}

void chunk_reader::take(char c) {
  switch (part_) {
    case part::size:
      if (value_of(c) >= 0)
        return take_digit(c);
      if (digits_ == 0 || (c != '\r' && c != ';'))
        return fail();
      part_ = c == '\r' ? part::size_end : part::extension;
      return;
    case part::extension:
      if (c == '\r')
        part_ = part::size_end;
      else if (!is_text(c) || is_line_over())
        fail();
      return;
    case part::size_end:
      return c == '\n' ? end_size() : fail();
    case part::content:
      return; // taken elsewhere
    case part::content_cr:
      return c == '\r' ? void(part_ = part::content_lf) : fail();
    case part::content_lf:
      if (c != '\n')
        return fail();
      part_ = part::size;
      digits_ = 0;
      return;
    case part::trailer_begin:
      if (c == '\r')
        part_ = part::end;
      else if (!is_text(c) || is_line_over())
        fail();
      else
        part_ = part::trailer;
      return;
    case part::trailer:
      if (c == '\r')
        part_ = part::trailer_end;
      else if (!is_text(c) || is_line_over())
        fail();
      return;
    case part::trailer_end:
      return c == '\n' ? void(part_ = part::trailer_begin) : fail();
    case part::end:
      return c == '\n' ? void(now_ = state::done) : fail();
  }
}

void chunk_reader::take_digit(char c) {
  if (++digits_ > digits_max)
    return fail();
  size_ = size_ << 4 | static_cast<std::uint64_t>(value_of(c));
}

void chunk_reader::end_size() {
  if (size_ > bytes_max_ - bytes_)
    return fail(state::too_large);
  bytes_ += size_;
  part_ = size_ == 0 ? part::trailer_begin : part::content;
}

bool chunk_reader::is_line_over() { return ++skipped_ > defaults::http_header_bytes_max; }

} // namespace hearth::http
