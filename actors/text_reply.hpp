#pragma once

#include "actors/messages.hpp"

namespace hearth {

/// The answer of a call that ends with one sentence by the node.
inline call_reply text_reply(call_id id, ec code, std::string_view sentence) {
  call_reply reply;
  reply.id = id;
  reply.code = code;
  reply.is_text = true;
  reply.value = payload::text(sentence);
  return reply;
}

} // namespace hearth
