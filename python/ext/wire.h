// The C half of `hearth._frames` and `hearth._values`: one extension for every CPython from 3.9 on (limited API), linked
// to libc alone. What each function does is said where Python documents it: hearth/_frames.py, hearth/_values/cbor_py.py.
//
// The limited API of 3.9 has no buffer protocol and no direct access to UTF-8: bytes and bytearray are read in place,
// other bytes-like objects go through bytes.join, text is copied once.
#pragma once

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03090000
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "frames are copied as they are in memory, which must be little-endian"
#endif

// -- numbers of the format: hearth/_values/tags.py ---------------------------------------------------------------------

enum {
  tag_bignum = 2,
  tag_negative_bignum = 3,
  tag_set = 258,
  tag_table = 0xBE00,
  tag_tuple = 0xBE01,
  tag_frozenset = 0xBE02,
  tag_bytearray = 0xBE03,
  tag_buffer = 0xBE14,
};

enum {
  large_bytes = 64 * 1024,            // byte strings from here on are out of band
  depth_max = 1000,                   // nesting that is written
  read_depth_max = 2 * depth_max + 2, // a tuple is one level to the writer, and two items to the reader
  buffers_max = 4096,                 // of one value
};

// The first three bytes of every value with buffers, and the longest table: 4,097 lengths of nine bytes.
#define TABLE_MARK "\xd9\xbe\x00"
enum { table_bytes_max = 3 + 3 + 9 * (1 + buffers_max) };

// -- frames: schema/frame.capnp ----------------------------------------------------------------------------------------

enum { kind_call = 1, kind_reply, kind_chunk, kind_signal, kind_control, kind_log, kinds };
enum { chunk_of_reply = 2 };

#define BODY_BYTES_MAX (1024 * 1024)
#define FRAME_BYTES_MAX (BODY_BYTES_MAX + 4096)
#define VALUE_BYTES_MAX ((uint64_t)2 * 1024 * 1024 * 1024)

enum {
  prefix_bytes = 8,
  data_at = 16,         // after the prefix and the root pointer
  data_bytes_max = 112, // of a Call, the largest
};

// A frame for Python: its data section as it is on the wire, which the members read in place.
typedef struct {
  PyObject_HEAD PyObject* body;
  unsigned char data[data_bytes_max];
} frame_object;

// One integer of a data section.
typedef struct {
  const char* name;
  unsigned short offset;
  unsigned short width; // bytes: 2, 4 or 8
} field;

typedef struct {
  const char* name;
  const field* fields;
  unsigned field_count;
  unsigned data_bytes;
  int size_field; // index of `size`; -1: none
  PyTypeObject* type;
} frame_layout;

extern frame_layout layouts[kinds];

// Offset of `callHi`, the field that leads to a frame's value; `callLo` follows it.
unsigned call_at(int kind);
uint64_t load_u64(const unsigned char* at);

// Bytes before the body of a frame of this kind.
static inline size_t head_bytes(int kind) { return data_at + layouts[kind].data_bytes + 8; }

static inline size_t padding(size_t bytes) { return -bytes & 7; }

// -- values with buffers -----------------------------------------------------------------------------------------------

typedef struct {
  size_t start;   // where the document begins
  unsigned count; // of lengths; the document's is the first
  uint64_t total; // bytes of the whole value
  struct table_entry {
    uint64_t length;
    bool writable;
  } entries[1 + buffers_max];
} value_table;

// Reads the table at the beginning of a value. 1: it is in `table`; 0: there is none, or it is not complete; -1: an
// exception is set.
int read_table(const unsigned char* data, size_t size, value_table* table);

extern PyTypeObject* large_value_type;
PyObject* large_value_new(PyObject* head, PyObject* buffers_tuple); // takes no reference
PyObject* large_value_head(PyObject* large);                        // borrowed
PyObject* large_value_buffers(PyObject* large);                     // borrowed tuple

// -- what each file adds to the module ---------------------------------------------------------------------------------

extern PyMethodDef encode_methods[], decode_methods[], frame_methods[];
int add_large_value(PyObject* module);
int add_frames(PyObject* module);
int add_reader(PyObject* module);
int add_slots(PyObject* module);

// Makes a heap type and adds it to the module; NULL with an exception.
PyTypeObject* add_type(PyObject* module, PyType_Spec* spec);
// Releases an instance of one of our heap types.
void free_instance(PyObject* self);
