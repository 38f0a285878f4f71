#include "actors/log_lines.hpp"

namespace hearth {

std::vector<log_text> last_lines(std::vector<log_text> texts, std::uint32_t lines) {
  if (lines == 0)
    return texts;
  std::uint64_t ended = 0; // lines that begin after the present place
  for (auto i = texts.size(); i-- > 0;) {
    const auto text = texts[i].text.view();
    for (auto at = text.size(); at-- > 0;) {
      const bool is_last = i + 1 == texts.size() && at + 1 == text.size();
      if (text[at] != '\n' || is_last || ++ended < lines)
        continue;
      texts[i].text = texts[i].text.slice(at + 1, text.size() - at - 1);
      texts.erase(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(texts[i].text.empty() ? i + 1 : i));
      return texts;
    }
  }
  return texts;
}

bool is_of_action(const log_text& text, const std::string& prefix) {
  return prefix.empty() || (text.call && to_string(text.call).starts_with(prefix));
}

void keep_action(std::vector<log_text>& texts, const std::string& prefix) {
  if (!prefix.empty())
    std::erase_if(texts, [&](const log_text& text) { return !is_of_action(text, prefix); });
}

} // namespace hearth
