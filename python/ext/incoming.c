#define _GNU_SOURCE
#include "incoming.h"

#include <sys/mman.h>

enum { huge_page_bytes = 2 * 1024 * 1024 };

frame_object* new_frame(int kind, const unsigned char* data) {
  frame_object* frame = PyObject_New(frame_object, layouts[kind].type);
  if (!frame)
    return NULL;
  frame->body = NULL;
  memcpy(frame->data, data, layouts[kind].data_bytes);
  return frame;
}

void incoming_free(incoming* value) {
  if (!value)
    return;
  for (unsigned i = 0; i < value->count; ++i)
    Py_XDECREF(value->segments[i].object);
  Py_XDECREF((PyObject*)value->frame);
  PyMem_Free(value);
}

// Where a system has huge pages for the asking, a large value's first touch costs a fraction: whole ones inside of it.
static void ask_for_huge_pages(char* memory, size_t size) {
  const uintptr_t begin = ((uintptr_t)memory + huge_page_bytes - 1) & ~(uintptr_t)(huge_page_bytes - 1);
  const uintptr_t end = ((uintptr_t)memory + size) & ~(uintptr_t)(huge_page_bytes - 1);
  if (begin < end)
    madvise((void*)begin, end - begin, MADV_HUGEPAGE); // refused: single pages serve as well
}

// Allocates segment `i`. The memory is not touched: what a peer announces and never sends costs nothing.
static int add_segment(incoming* value, unsigned i, uint64_t size, bool writable) {
  segment* made = &value->segments[i];
  made->size = (size_t)size;
  made->object = writable ? PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)size)
                          : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
  if (!made->object)
    return -1;
  made->memory = writable ? PyByteArray_AsString(made->object) : PyBytes_AsString(made->object);
  if (made->size >= 2 * huge_page_bytes)
    ask_for_huge_pages(made->memory, made->size);
  value->count = i + 1;
  return 0;
}

static incoming* with_segments(int kind, const unsigned char* data, uint64_t size, const value_table* table) {
  const unsigned count = table ? table->count : 1;
  incoming* value = PyMem_Calloc(1, sizeof *value + count * sizeof(segment));
  if (!value) {
    PyErr_NoMemory();
    return NULL;
  }
  value->kind = kind;
  value->size = size;
  if (kind == kind_call || kind == kind_reply) {
    value->hi = load_u64(data + call_at(kind));
    value->lo = load_u64(data + call_at(kind) + 8);
  }
  value->frame = new_frame(kind, data);
  bool failed = !value->frame;
  if (!failed)
    failed = add_segment(value, 0, table ? table->start + table->entries[0].length : size, false) < 0;
  for (unsigned i = 1; i < count && !failed; ++i)
    failed = add_segment(value, i, table->entries[i].length, table->entries[i].writable) < 0;
  if (failed) {
    incoming_free(value);
    return NULL;
  }
  return value;
}

incoming* incoming_new(int kind, const unsigned char* data, const unsigned char* body, size_t body_bytes, size_t here) {
  const frame_layout* layout = &layouts[kind];
  if (layout->size_field < 0)
    return with_segments(kind, data, body_bytes, NULL);
  const uint64_t size = load_u64(data + layout->fields[layout->size_field].offset);
  if (size < body_bytes || size > VALUE_BYTES_MAX) {
    PyErr_Format(PyExc_ValueError, "a frame with a value of %llu bytes, %zd of them its own", (unsigned long long)size,
                 (Py_ssize_t)body_bytes);
    return NULL;
  }
  value_table* table = NULL;
  int found = 0;
  if (here >= 3 && memcmp(body, TABLE_MARK, 3) == 0) {
    if (!(table = PyMem_Malloc(sizeof *table))) {
      PyErr_NoMemory();
      return NULL;
    }
    found = read_table(body, here, table);
    if (found == 1 && table->total != size) {
      PyErr_SetString(PyExc_ValueError, "a value whose buffers have not the length that its table says");
      found = -1;
    }
  }
  incoming* value = found < 0 ? NULL : with_segments(kind, data, size, found ? table : NULL);
  PyMem_Free(table);
  return value;
}

void incoming_advance(incoming* value, size_t size) {
  value->filled += size;
  while (size) {
    const size_t room = value->segments[value->at].size - value->at_filled;
    if (size < room) {
      value->at_filled += size;
      return;
    }
    size -= room;
    value->at++;
    value->at_filled = 0;
  }
}

int incoming_pieces(const incoming* value, size_t size, struct iovec* pieces, int pieces_max, size_t* covered) {
  int count = 0;
  size_t skipped = value->at_filled;
  *covered = 0;
  for (unsigned i = value->at; i < value->count && count < pieces_max && *covered < size; ++i) {
    const segment* s = &value->segments[i];
    size_t length = s->size - skipped;
    if (length > size - *covered)
      length = size - *covered;
    if (length) {
      pieces[count++] = (struct iovec){s->memory + skipped, length};
      *covered += length;
    }
    skipped = 0;
  }
  return count;
}

void incoming_copy(incoming* value, const unsigned char* data, size_t size) {
  while (size) {
    struct iovec piece;
    size_t covered;
    if (!incoming_pieces(value, size, &piece, 1, &covered))
      return;
    memcpy(piece.iov_base, data, covered);
    incoming_advance(value, covered);
    data += covered;
    size -= covered;
  }
}

PyObject* incoming_frame(incoming* value) {
  PyObject* body = value->segments[0].object;
  if (value->count == 1) {
    Py_INCREF(body);
  } else {
    PyObject* buffers = PyTuple_New((Py_ssize_t)value->count - 1);
    if (!buffers)
      return NULL;
    for (unsigned i = 1; i < value->count; ++i) {
      Py_INCREF(value->segments[i].object);
      if (PyTuple_SetItem(buffers, (Py_ssize_t)i - 1, value->segments[i].object) < 0) {
        Py_DECREF(buffers);
        return NULL;
      }
    }
    body = large_value_new(body, buffers);
    Py_DECREF(buffers);
    if (!body)
      return NULL;
  }
  frame_object* frame = value->frame;
  value->frame = NULL;
  frame->body = body;
  return (PyObject*)frame;
}
