// A value on its way in: the memory it is received into, and the frame it belongs to.
#pragma once

#include "wire.h"

#include <sys/uio.h>

typedef struct {
  PyObject* object; // bytes, or bytearray where the sender asked for memory that can be written to
  char* memory;
  size_t size;
} segment;

typedef struct incoming {
  struct incoming* next;
  int kind;
  uint64_t hi, lo; // its call
  uint64_t size, filled;
  frame_object* frame; // without body
  unsigned count;      // of segments: head and buffers, or one
  unsigned at;         // the segment that is being filled,
  size_t at_filled;    // and how far
  segment segments[];
} incoming;

// A frame for Python without its body.
frame_object* new_frame(int kind, const unsigned char* data);

// Memory for the value that a frame begins. `body` are the first `here` of its `body_bytes` bytes, with the whole table
// if there is one; they are not copied. NULL with an exception.
incoming* incoming_new(int kind, const unsigned char* data, const unsigned char* body, size_t body_bytes, size_t here);
void incoming_free(incoming* value); // NULL is fine

// Takes the next bytes. The caller never gives more than are missing.
void incoming_copy(incoming* value, const unsigned char* data, size_t size);
// Memory for the next bytes, at most `size` and `pieces_max` pieces; `covered` is how much that is. Returns their number.
int incoming_pieces(const incoming* value, size_t size, struct iovec* pieces, int pieces_max, size_t* covered);
// That many bytes are in these pieces now.
void incoming_advance(incoming* value, size_t size);

// The frame of a complete value, with its body. A new reference; NULL with an exception.
PyObject* incoming_frame(incoming* value);
