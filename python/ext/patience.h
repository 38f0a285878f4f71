// How long a thread looks for what arrives before it sleeps.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

// To sleep and be woken costs both sides more than a short answer takes, so a reader whose answers come that soon looks for the
// next one as long as it may before it sleeps, as the node's loops do (node/loop/idle_poll.hpp).
typedef struct {
  int64_t ns;     // the longest look; 0: none
  int64_t begin;  // of the wait that goes on
  unsigned quick; // waits in a row that were as short as that
} patience;

// A wait begins: whether it looks first.
bool patience_begins(patience* p);

// recvmsg until something has come or the look is over, which is EAGAIN.
ssize_t patience_look(const patience* p, int fd, struct msghdr* message);

// The wait is over.
void patience_ends(patience* p);

// Makes a thread that sleeps in recvmsg on `fd` come back with EAGAIN now and then: a signal that arrives just before it falls
// asleep does not wake it, and its Python handler has to run. False with errno.
bool patience_sees_signals(int fd);
