#pragma once

#include "tools/replay/trace.hpp"

#include <istream>
#include <stdexcept>
#include <string>

namespace hearth::replay {

/// What a file does not say.
struct file_defaults {
  float service = 0.5f; // seconds, of calls without a column for it
  std::uint32_t concurrency = 8;
  std::uint32_t max = 50;
};

/// A file that cannot be read as a trace; the message says why and where.
struct trace_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads a trace from comma-separated values whose first line names the columns, in any case:
///   TIMESTAMP,ContextTokens,GeneratedTokens   calls to a language model (Azure Public Dataset, AzureLLMInferenceDataset2023);
///                                             times of day as 2023-11-16 18:17:03.9799600
///   arrival[,service] or seconds[,service]    both in seconds
/// The first call comes ten seconds after the beginning.
///
/// Service time of a call to a language model: 50 ms, and 0.1 ms per token of context (10,000 tokens of a prompt per
/// second), and 20 ms per token generated (50 per second). Batches are not modelled: slots of a replica do not slow down
/// one another.
trace read_trace(std::istream& in, const std::string& name, const file_defaults& defaults);

/// Service time of a call to a language model, as above.
seconds llm_service(double context_tokens, double generated_tokens) noexcept;

} // namespace hearth::replay
