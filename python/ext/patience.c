#include "patience.h"

#include <errno.h>
#include <sys/time.h>
#include <time.h>

enum {
  quick_streak = 16, // short waits in a row: the next one will be, too
  signal_look_s = 1, // soon enough for a person at a keyboard, and no load
};

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
}

bool patience_begins(patience* p) {
  p->begin = now_ns();
  return p->quick >= quick_streak;
}

ssize_t patience_look(const patience* p, int fd, struct msghdr* message) {
  ssize_t received;
  do
    received = recvmsg(fd, message, MSG_DONTWAIT);
  while (received < 0 && errno == EAGAIN && now_ns() - p->begin < p->ns);
  return received;
}

void patience_ends(patience* p) { p->quick = now_ns() - p->begin < p->ns ? p->quick + 1 : 0; }

bool patience_sees_signals(int fd) {
  const struct timeval interval = {.tv_sec = signal_look_s};
  return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &interval, sizeof interval) == 0;
}
