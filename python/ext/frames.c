// Frames: their layouts, how they are written, and what they are to Python. A test holds the offsets against the Cap'n
// Proto compiler.
#include "wire.h"

#include <structmember.h>

// clang-format off
// X(name, offset in the data section, bytes)
#define CALL_FIELDS(X) \
  X(kind, 0, 2) X(flags, 2, 2) X(depth, 4, 2) X(attempt, 6, 2) X(environment, 8, 4) X(task, 12, 4) X(slot, 16, 4) \
  X(generation, 20, 4) X(call_hi, 24, 8) X(call_lo, 32, 8) X(root_hi, 40, 8) X(root_lo, 48, 8) X(parent_hi, 56, 8) \
  X(parent_lo, 64, 8) X(deadline_ms, 72, 8) X(trace_hi, 80, 8) X(trace_lo, 88, 8) X(span, 96, 8) X(size, 104, 8)
#define REPLY_FIELDS(X) \
  X(kind, 0, 2) X(flags, 2, 2) X(code, 4, 2) X(attempt, 6, 2) X(slot, 8, 4) X(generation, 12, 4) X(call_hi, 16, 8) \
  X(call_lo, 24, 8) X(size, 32, 8) X(run_ns, 40, 8) X(queued_ns, 48, 8) X(start_ns, 56, 8) X(fork_ns, 64, 8) \
  X(import_ns, 72, 8)
#define CHUNK_FIELDS(X) \
  X(kind, 0, 2) X(flags, 2, 2) X(request, 4, 4) X(call_hi, 8, 8) X(call_lo, 16, 8) X(offset, 24, 8)
#define SIGNAL_FIELDS(X) \
  X(kind, 0, 2) X(flags, 2, 2) X(what, 4, 2) X(code, 6, 2) X(slot, 8, 4) X(generation, 12, 4) X(call_hi, 16, 8) \
  X(call_lo, 24, 8) X(value, 32, 8)
#define CONTROL_FIELDS(X) X(kind, 0, 2) X(flags, 2, 2) X(request, 4, 4)
#define LOG_FIELDS(X) \
  X(kind, 0, 2) X(flags, 2, 2) X(dropped, 4, 4) X(call_hi, 8, 8) X(call_lo, 16, 8) X(unix_ns, 24, 8) X(replica, 32, 8)
// clang-format on

#define AS_FIELD(name, offset, bytes) {#name, offset, bytes},
#define AS_MEMBER(name, at, bytes)                                                                                     \
  {#name, bytes == 2 ? T_USHORT : bytes == 4 ? T_UINT : T_ULONGLONG, offsetof(frame_object, data) + at, READONLY, NULL},
#define BODY_MEMBER                                                                                                    \
  {"body", T_OBJECT_EX, offsetof(frame_object, body), READONLY, NULL}, { NULL, 0, 0, 0, NULL }
#define TABLES(kind, FIELDS)                                                                                           \
  static const field kind##_fields[] = {FIELDS(AS_FIELD)};                                                             \
  static PyMemberDef kind##_members[] = {FIELDS(AS_MEMBER) BODY_MEMBER};
TABLES(call, CALL_FIELDS)
TABLES(reply, REPLY_FIELDS)
TABLES(chunk, CHUNK_FIELDS)
TABLES(signal, SIGNAL_FIELDS)
TABLES(control, CONTROL_FIELDS)
TABLES(log, LOG_FIELDS)

#define LAYOUT(kind, type_name, data_bytes, size_field)                                                                \
  [kind_##kind] = {                                                                                                    \
    "hearth._wire." type_name, kind##_fields, sizeof kind##_fields / sizeof(field), data_bytes, size_field, NULL}
frame_layout layouts[kinds] = {
  LAYOUT(call, "Call", 112, 18),    LAYOUT(reply, "Reply", 80, 8),     LAYOUT(chunk, "Chunk", 32, -1),
  LAYOUT(signal, "Signal", 40, -1), LAYOUT(control, "Control", 8, -1), LAYOUT(log, "Log", 40, -1),
};

enum { fields_max = 19, byte_elements = 2, list_pointer = 1 };

// Interned names of the fields, so that keywords are found by comparing pointers.
static PyObject* names[kinds][fields_max];
static PyObject* body_name;

unsigned call_at(int kind) { return kind == kind_call ? 24 : kind == kind_reply ? 16 : 8; }

uint64_t load_u64(const unsigned char* at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static void store_u64(unsigned char* at, uint64_t value) { memcpy(at, &value, sizeof value); }

// -- writing -----------------------------------------------------------------------------------------------------------

// Fills prefix and pointers of a frame with a body of `bytes`; the data section is the caller's.
static void write_envelope(unsigned char* frame, int kind, size_t bytes) {
  const size_t head = head_bytes(kind), words = (head - prefix_bytes + bytes + padding(bytes)) / 8;
  store_u64(frame, (uint64_t)words << 32);
  store_u64(frame + prefix_bytes, (uint64_t)(layouts[kind].data_bytes / 8) << 32 | (uint64_t)1 << 48);
  store_u64(frame + head - 8, list_pointer | ((uint64_t)bytes << 3 | byte_elements) << 32);
}

static int store_field(unsigned char* data, const field* f, PyObject* value) {
  const unsigned long long number = PyLong_AsUnsignedLongLong(value);
  if (number == (unsigned long long)-1 && PyErr_Occurred())
    return -1;
  if (f->width < 8 && number >> 8 * f->width) {
    PyErr_Format(PyExc_OverflowError, "the field %s does not fit into %u bytes", f->name, f->width);
    return -1;
  }
  const uint64_t bits = number;
  memcpy(data + f->offset, &bits, f->width);
  return 0;
}

static int index_of(int kind, PyObject* name) {
  const unsigned count = layouts[kind].field_count;
  for (unsigned i = 1; i < count; ++i) {
    if (names[kind][i] == name)
      return (int)i;
  }
  for (unsigned i = 1; i < count; ++i) {
    if (PyUnicode_Compare(names[kind][i], name) == 0)
      return (int)i;
  }
  return -1;
}

// Length of a body: bytes-like, or a list of bytes-like objects. -1 with an exception.
static Py_ssize_t body_bytes(PyObject* body) {
  Py_ssize_t size = 0;
  if (!PyList_CheckExact(body)) {
    size = PyObject_Size(body);
  } else {
    for (Py_ssize_t i = 0; size >= 0 && i < PyList_Size(body); ++i) {
      const Py_ssize_t piece = PyObject_Size(PyList_GetItem(body, i));
      size = piece < 0 ? -1 : size + piece;
    }
  }
  if (size > BODY_BYTES_MAX) {
    PyErr_Format(PyExc_ValueError, "the body of a frame has %zd bytes; at most %d fit", size, BODY_BYTES_MAX);
    return -1;
  }
  return size;
}

// head + body + padding, where only Python can read the body.
static PyObject* join(const unsigned char* head, size_t head_size, PyObject* body, size_t bytes) {
  PyObject* pieces = PyList_CheckExact(body) ? PyList_GetSlice(body, 0, PyList_Size(body)) : PyList_New(0);
  PyObject* first = PyBytes_FromStringAndSize((const char*)head, (Py_ssize_t)head_size);
  PyObject* last = PyBytes_FromStringAndSize("\0\0\0\0\0\0\0", (Py_ssize_t)padding(bytes));
  PyObject* empty = PyBytes_FromStringAndSize(NULL, 0);
  PyObject* joined = NULL;
  if (pieces && first && last && empty && (PyList_CheckExact(body) || PyList_Append(pieces, body) == 0)
      && PyList_Insert(pieces, 0, first) == 0 && PyList_Append(pieces, last) == 0)
    joined = PyObject_CallMethod(empty, "join", "O", pieces);
  Py_XDECREF(pieces);
  Py_XDECREF(first);
  Py_XDECREF(last);
  Py_XDECREF(empty);
  return joined;
}

// The frame whose data section is `data`.
static PyObject* frame_with(int kind, const unsigned char* data, PyObject* body, size_t bytes) {
  unsigned char head[data_at + data_bytes_max + 8];
  const size_t head_size = head_bytes(kind);
  write_envelope(head, kind, bytes);
  memcpy(head + data_at, data, layouts[kind].data_bytes);
  const char* memory = !body                          ? ""
                       : PyBytes_CheckExact(body)     ? PyBytes_AsString(body)
                       : PyByteArray_CheckExact(body) ? PyByteArray_AsString(body)
                                                      : NULL;
  if (!memory)
    return join(head, head_size, body, bytes);
  PyObject* frame = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(head_size + bytes + padding(bytes)));
  if (!frame)
    return NULL;
  char* at = PyBytes_AsString(frame);
  memcpy(at, head, head_size);
  memcpy(at + head_size, memory, bytes);
  memset(at + head_size + bytes, 0, padding(bytes));
  return frame;
}

static PyObject* write_frame(int kind, PyObject* args, PyObject* kwargs) {
  unsigned char data[data_bytes_max] = {(unsigned char)kind};
  const frame_layout* layout = &layouts[kind];
  bool has_size = layout->size_field < 0;
  PyObject *name, *value, *body = NULL;
  if (PyTuple_Size(args) > 0) {
    PyErr_SetString(PyExc_TypeError, "the fields of a frame are given by name");
    return NULL;
  }
  for (Py_ssize_t at = 0; kwargs && PyDict_Next(kwargs, &at, &name, &value);) {
    const int index = name == body_name ? -1 : index_of(kind, name);
    if (index >= 0) {
      if (store_field(data, &layout->fields[index], value) < 0)
        return NULL;
      has_size = has_size || index == layout->size_field;
    } else if (name == body_name || PyUnicode_Compare(name, body_name) == 0) {
      body = value;
    } else {
      PyErr_Format(PyExc_TypeError, "a %s has no field %R", strrchr(layout->name, '.') + 1, name);
      return NULL;
    }
  }
  const Py_ssize_t bytes = body ? body_bytes(body) : 0;
  if (bytes < 0)
    return NULL;
  if (!has_size)
    store_u64(data + layout->fields[layout->size_field].offset, (uint64_t)bytes);
  return frame_with(kind, data, body, (size_t)bytes);
}

#define WRITER(kind)                                                                                                   \
  static PyObject* write_##kind(PyObject* module, PyObject* args, PyObject* kwargs) {                                  \
    (void)module;                                                                                                      \
    return write_frame(kind_##kind, args, kwargs);                                                                     \
  }
WRITER(call)
WRITER(reply)
WRITER(chunk)
WRITER(signal)
WRITER(control)
WRITER(log)

static PyObject* fill(PyObject* module, PyObject* args) {
  (void)module;
  PyObject* template, *body;
  unsigned char data[data_bytes_max];
  unsigned long long lo;
  if (!PyArg_ParseTuple(args, "SKO:fill", &template, &lo, &body))
    return NULL;
  const unsigned char* frame = (const unsigned char*)PyBytes_AsString(template);
  if ((size_t)PyBytes_Size(template) != head_bytes(kind_call) || frame[data_at] != kind_call) {
    PyErr_SetString(PyExc_ValueError, "the template is not a Call without body");
    return NULL;
  }
  const Py_ssize_t bytes = body_bytes(body);
  if (bytes < 0)
    return NULL;
  memcpy(data, frame + data_at, data_bytes_max);
  store_u64(data + 32, lo);
  store_u64(data + 104, (uint64_t)bytes);
  return frame_with(kind_call, data, body, (size_t)bytes);
}

#define METHOD(kind)                                                                                                   \
  {                                                                                                                    \
#kind, (PyCFunction)(void (*)(void))write_##kind, METH_VARARGS | METH_KEYWORDS,                                    \
      #kind "(**fields) -> bytes; see hearth._frames."                                                                 \
  }
PyMethodDef frame_methods[] = {
  METHOD(call),
  METHOD(reply),
  METHOD(chunk),
  METHOD(signal),
  METHOD(control),
  METHOD(log),
  {"fill", fill, METH_VARARGS, "fill(template, call_lo, body) -> bytes; see hearth._frames."},
  {NULL, NULL, 0, NULL},
};

// -- types -------------------------------------------------------------------------------------------------------------

static void frame_dealloc(PyObject* self) {
  Py_XDECREF(((frame_object*)self)->body);
  free_instance(self);
}

static int add_frame_type(PyObject* module, int kind, PyMemberDef* members) {
  frame_layout* layout = &layouts[kind];
  PyType_Slot slots[] = {
    {Py_tp_doc, "A frame that was read; see hearth._frames."},
    {Py_tp_members, members},
    {Py_tp_dealloc, frame_dealloc},
    {0, NULL},
  };
  PyType_Spec spec = {layout->name, sizeof(frame_object), 0, Py_TPFLAGS_DEFAULT, slots};
  layout->type = add_type(module, &spec);
  if (!layout->type)
    return -1;
  for (unsigned i = 0; i < layout->field_count; ++i) {
    if (!(names[kind][i] = PyUnicode_InternFromString(layout->fields[i].name)))
      return -1;
  }
  return 0;
}

int add_frames(PyObject* module) {
  body_name = PyUnicode_InternFromString("body");
  if (!body_name || add_frame_type(module, kind_call, call_members) < 0
      || add_frame_type(module, kind_reply, reply_members) < 0 || add_frame_type(module, kind_chunk, chunk_members) < 0
      || add_frame_type(module, kind_signal, signal_members) < 0
      || add_frame_type(module, kind_control, control_members) < 0 || add_frame_type(module, kind_log, log_members) < 0)
    return -1;
  return 0;
}
