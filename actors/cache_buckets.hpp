#pragma once

#include "cluster/holders.hpp"
#include "core/defaults.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace hearth {

/// The nodes on which the entries of a bucket (`bucket_of`) lie, its home first. All entries of one bucket lie on the same
/// nodes: so what two of them should both have is whole buckets, and a digest of each tells whether they do.
inline std::vector<node_uuid> holders_of_bucket(std::size_t bucket, const std::vector<node_uuid>& nodes) {
  return cluster::holders_of("cache/" + std::to_string(bucket), nodes, defaults::cache_copies);
}

} // namespace hearth
