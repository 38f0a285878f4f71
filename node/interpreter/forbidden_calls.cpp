#include "node/interpreter/forbidden_calls.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hearth::node {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t other_calls_from = 0x40000000; // the numbers of x32, which are others for the same calls
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t other_calls_from = UINT32_MAX;
#else
#error "The number of this architecture (linux/audit.h) is missing here."
#endif

constexpr std::array forbidden{
  // The kernel's keys are kept by user, not by namespace: those of a login would be there.
  SYS_keyctl,
  SYS_add_key,
  SYS_request_key,
  // Programs, queues and events inside the kernel: where most of its holes have been.
  SYS_bpf,
  SYS_perf_event_open,
  SYS_userfaultfd,
  SYS_io_uring_setup,
  SYS_io_uring_enter,
  SYS_io_uring_register,
  // Another process's memory and registers, a file by its number.
  SYS_ptrace,
  SYS_open_by_handle_at,
  // What only an administrator may do; refused already, and twice is safer.
  SYS_mount,
  SYS_umount2,
  SYS_pivot_root,
  SYS_move_mount,
  SYS_open_tree,
  SYS_fsopen,
  SYS_fsconfig,
  SYS_fsmount,
  SYS_fspick,
  SYS_mount_setattr,
  SYS_setns,
  SYS_swapon,
  SYS_swapoff,
  SYS_reboot,
  SYS_kexec_load,
  SYS_kexec_file_load,
  SYS_init_module,
  SYS_finit_module,
  SYS_delete_module,
  SYS_acct,
  SYS_quotactl,
  SYS_settimeofday,
  SYS_clock_settime,
  SYS_clock_adjtime,
  SYS_adjtimex,
  SYS_vhangup,
  SYS_syslog,
};

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
constexpr sock_filter answer(std::uint32_t what) { return BPF_STMT(BPF_RET | BPF_K, what); }
/// Passes over the next instruction unless `kind` holds.
constexpr sock_filter only_if(std::uint16_t kind, std::uint32_t value) {
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | kind | BPF_K), value, 0, 1);
}

} // namespace

std::string forbidden_calls_filter() {
  constexpr std::uint32_t refused = SECCOMP_RET_ERRNO | EPERM, unknown = SECCOMP_RET_ERRNO | ENOSYS;
  std::vector<sock_filter> program{load(offsetof(seccomp_data, arch)),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
                                   answer(unknown),
                                   load(offsetof(seccomp_data, nr)),
                                   only_if(BPF_JGE, other_calls_from),
                                   answer(unknown)};
  for (const auto number : forbidden) {
    program.push_back(only_if(BPF_JEQ, static_cast<std::uint32_t>(number)));
    program.push_back(answer(refused));
  }
  program.push_back(answer(SECCOMP_RET_ALLOW));
  return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter)};
}

} // namespace hearth::node
