// Writing CBOR.
#pragma once

#include "wire.h"

// Writes CBOR. `out` grows on the heap once it exceeds the space inside the writer, which small calls never do.
typedef struct {
  unsigned char* out;
  size_t size;
  size_t capacity;
  PyObject* hook;
  PyObject* buffers; // list of byte strings out of band; NULL until there is one
  int depth;
  bool canonical;
  unsigned char space[1024];
} writer;

// `hook` is borrowed for the life of the writer.
void writer_prepare(writer* w, PyObject* hook, bool canonical);
void writer_release(writer* w);

// All return 0, or -1 with an exception.
int put(writer* w, const void* data, size_t size);
int put_head(writer* w, unsigned major, uint64_t number);
int write_item(writer* w, PyObject* value);
