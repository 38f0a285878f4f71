#include "core/defaults.hpp"
#include "node/loop/output_queue.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <stdexcept>
#include <string>

using namespace hearth;

BOOST_AUTO_TEST_SUITE(loop_output)

namespace {

std::string everything(const output_queue& queue) {
  std::array<iovec, 64> parts;
  std::string out;
  const auto count = queue.gather(parts);
  for (std::size_t i = 0; i < count; ++i)
    out.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(small_writes_go_out_as_one_part_and_large_memory_by_reference) {
  output_queue queue;
  const auto large = bytes::copy_of(std::string(defaults::write_copy_max, 'L'));
  queue.append("one ");
  queue.append(bytes::copy_of("two "));
  queue.append_with([](std::string& out) { out += "three"; });
  queue.append(large);
  queue.append("four");
  std::array<iovec, 8> parts;
  BOOST_REQUIRE(queue.gather(parts) == 3u);
  BOOST_TEST(parts[0].iov_len == 13u);
  BOOST_TEST(parts[1].iov_base == large.data());
  BOOST_TEST(everything(queue) == "one two three" + std::string(large.view()) + "four");
  BOOST_TEST(queue.bytes_queued() == 17 + large.size());
}

BOOST_AUTO_TEST_CASE(whatever_sizes_are_written_and_consumed_the_bytes_stay_in_order) {
  std::string sent;
  output_queue queue;
  std::string received;
  for (std::size_t i = 1; i < 600; ++i) {
    const std::string text(i * 37 % 9000, static_cast<char>('a' + i % 26));
    sent += text;
    if (i % 3 == 0)
      queue.append(bytes::copy_of(text));
    else
      queue.append(text);
    const auto front = everything(queue).substr(0, i * 101 % 7000);
    received += front;
    queue.consume(front.size());
    BOOST_REQUIRE(queue.bytes_queued() == sent.size() - received.size());
  }
  while (!queue.empty()) {
    const auto front = everything(queue);
    received += front;
    queue.consume(front.size());
  }
  BOOST_TEST((received == sent));
}

BOOST_AUTO_TEST_CASE(memory_is_released_as_soon_as_it_is_written) {
  output_queue queue;
  auto owner = std::make_shared<std::string>(std::string(100'000, 'x'));
  queue.append(bytes(owner, owner->data(), owner->size()));
  queue.consume(99'999);
  BOOST_TEST(owner.use_count() == 2);
  queue.consume(1);
  BOOST_TEST(owner.use_count() == 1);
  BOOST_TEST(queue.empty());
}

BOOST_AUTO_TEST_CASE(a_writer_that_throws_has_written_nothing) {
  output_queue queue;
  queue.append("before ");
  BOOST_CHECK_THROW(queue.append_with([](std::string& out) {
    out += "half a frame";
    throw std::runtime_error("cannot encode");
  }),
                    std::runtime_error);
  queue.append("after");
  BOOST_TEST(everything(queue) == "before after");
  BOOST_TEST(queue.bytes_queued() == 12u);
}

BOOST_AUTO_TEST_SUITE_END()
