#include "encode.h"

void writer_release(writer* w) {
  if (w->out != w->space)
    PyMem_Free(w->out);
  Py_XDECREF(w->buffers);
}

void writer_prepare(writer* w, PyObject* hook, bool canonical) {
  w->out = w->space;
  w->size = 0;
  w->capacity = sizeof w->space;
  w->hook = hook;
  w->buffers = NULL;
  w->depth = 0;
  w->canonical = canonical;
}

static int grow(writer* w, size_t more) {
  size_t capacity = w->capacity * 2;
  while (capacity < w->size + more)
    capacity *= 2;
  unsigned char* moved = PyMem_Realloc(w->out == w->space ? NULL : w->out, capacity);
  if (!moved) {
    PyErr_NoMemory();
    return -1;
  }
  if (w->out == w->space)
    memcpy(moved, w->space, w->size);
  w->out = moved;
  w->capacity = capacity;
  return 0;
}

static inline int reserve(writer* w, size_t more) { return w->capacity - w->size >= more ? 0 : grow(w, more); }

int put(writer* w, const void* data, size_t size) {
  if (reserve(w, size) < 0)
    return -1;
  memcpy(w->out + w->size, data, size);
  w->size += size;
  return 0;
}

static void store_big_endian(unsigned char* at, uint64_t number, unsigned width) {
  for (unsigned i = 0; i < width; ++i)
    at[i] = (unsigned char)(number >> 8 * (width - 1 - i));
}

int put_head(writer* w, unsigned major, uint64_t number) {
  if (reserve(w, 9) < 0)
    return -1;
  unsigned char* at = w->out + w->size;
  if (number < 24) {
    *at = (unsigned char)(major << 5 | number);
    w->size += 1;
    return 0;
  }
  const unsigned log = number < 1u << 8 ? 0 : number < 1u << 16 ? 1 : number <= UINT32_MAX ? 2 : 3;
  *at = (unsigned char)(major << 5 | (24 + log));
  store_big_endian(at + 1, number, 1u << log);
  w->size += 1 + (1u << log);
  return 0;
}

static int enter(writer* w) {
  if (++w->depth <= depth_max)
    return 0;
  PyErr_Format(PyExc_ValueError, "the value is nested more than %d deep, or contains itself", depth_max);
  return -1;
}

static int write_changed(void) {
  PyErr_SetString(PyExc_ValueError, "a container was changed while it was written");
  return -1;
}

// -- scalars -----------------------------------------------------------------------------------------------------------

// `magnitude` is an int beyond 64 bits, not negative.
static int write_bignum(writer* w, PyObject* magnitude, bool negative) {
  PyObject* bits = PyObject_CallMethod(magnitude, "bit_length", NULL);
  const Py_ssize_t count = bits ? (PyLong_AsSsize_t(bits) + 7) / 8 : -1;
  Py_XDECREF(bits);
  if (count < 0)
    return -1;
  PyObject* data = PyObject_CallMethod(magnitude, "to_bytes", "ns", count, "big");
  if (!data)
    return -1;
  const int failed = put_head(w, 6, negative ? tag_negative_bignum : tag_bignum) < 0
                     || put_head(w, 2, (uint64_t)count) < 0 || put(w, PyBytes_AsString(data), (size_t)count) < 0;
  Py_DECREF(data);
  return failed ? -1 : 0;
}

static int write_int(writer* w, PyObject* value) {
  int overflow;
  const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (!overflow)
    return number >= 0 ? put_head(w, 0, (uint64_t)number) : put_head(w, 1, ~(uint64_t)number);
  PyObject* magnitude = overflow < 0 ? PyNumber_Invert(value) : PyNumber_Long(value);
  if (!magnitude)
    return -1;
  const unsigned long long small = PyLong_AsUnsignedLongLong(magnitude);
  int result;
  if (small != (unsigned long long)-1 || !PyErr_Occurred()) {
    result = put_head(w, overflow < 0, small);
  } else {
    PyErr_Clear(); // larger than 64 bits
    result = write_bignum(w, magnitude, overflow < 0);
  }
  Py_DECREF(magnitude);
  return result;
}

static int write_float(writer* w, PyObject* value) {
  const double number = PyFloat_AsDouble(value);
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  if (w->canonical && number != number)
    bits = 0x7ff8000000000000u;
  unsigned char item[9] = {0xfb};
  store_big_endian(item + 1, bits, 8);
  return put(w, item, sizeof item);
}

// Replaces the UnicodeEncodeError that is set by a ValueError for people.
static void explain_surrogate(PyObject* text) {
  PyObject *type, *error, *trace;
  PyErr_Fetch(&type, &error, &trace);
  PyErr_NormalizeException(&type, &error, &trace);
  PyObject* start = error ? PyObject_GetAttrString(error, "start") : NULL;
  PyObject* module = start ? PyImport_ImportModule("hearth._values.cbor_py") : NULL;
  PyObject* sentence = module ? PyObject_CallMethod(module, "surrogate", "OO", text, start) : NULL;
  if (sentence)
    PyErr_SetObject(PyExc_ValueError, sentence);
  Py_XDECREF(sentence);
  Py_XDECREF(module);
  Py_XDECREF(start);
  Py_XDECREF(type);
  Py_XDECREF(error);
  Py_XDECREF(trace);
}

static int write_text(writer* w, PyObject* value) {
  PyObject* data = PyUnicode_AsUTF8String(value);
  if (!data) {
    if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
      explain_surrogate(value);
    return -1;
  }
  const size_t size = (size_t)PyBytes_Size(data);
  const int failed = put_head(w, 3, size) < 0 || put(w, PyBytes_AsString(data), size) < 0;
  Py_DECREF(data);
  return failed ? -1 : 0;
}

// -- byte strings ------------------------------------------------------------------------------------------------------

static int write_tagged(writer* w, PyObject* value);

// A byte string of `size` bytes at `data`, which is `owner`'s; NULL: only Python can read it (a memoryview).
static int write_bytes(writer* w, PyObject* owner, const char* data, size_t size) {
  if (size < large_bytes && data)
    return put_head(w, 2, size) < 0 ? -1 : put(w, data, size);
  if (size >= large_bytes && !w->canonical) {
    if (!w->buffers && !(w->buffers = PyList_New(0)))
      return -1;
    const Py_ssize_t index = PyList_Size(w->buffers);
    if (index < buffers_max) {
      if (put_head(w, 6, tag_buffer) < 0 || put_head(w, 0, (uint64_t)index) < 0)
        return -1;
      if (!PyByteArray_CheckExact(owner))
        return PyList_Append(w->buffers, owner);
      PyObject* view = PyMemoryView_FromObject(owner); // keeps it from being resized until it is sent
      const int result = view ? PyList_Append(w->buffers, view) : -1;
      Py_XDECREF(view);
      return result;
    }
  }
  PyObject* copy = PyBytes_FromObject(owner);
  if (!copy)
    return -1;
  int result;
  if (size >= large_bytes && w->canonical)
    result = write_tagged(w, copy);
  else
    result = put_head(w, 2, size) < 0 ? -1 : put(w, PyBytes_AsString(copy), size);
  Py_DECREF(copy);
  return result;
}

static int write_bytearray(writer* w, PyObject* value) {
  if (enter(w) < 0 || put_head(w, 6, tag_bytearray) < 0)
    return -1;
  w->depth--;
  return write_bytes(w, value, PyByteArray_AsString(value), (size_t)PyByteArray_Size(value));
}

// -- containers --------------------------------------------------------------------------------------------------------

static int write_list(writer* w, PyObject* value) {
  const bool is_list = PyList_CheckExact(value);
  const Py_ssize_t count = is_list ? PyList_Size(value) : PyTuple_Size(value);
  if (enter(w) < 0 || put_head(w, 4, (uint64_t)count) < 0)
    return -1;
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (is_list && PyList_Size(value) != count)
      return write_changed();
    PyObject* item = is_list ? PyList_GetItem(value, i) : PyTuple_GetItem(value, i);
    if (!item)
      return -1;
    Py_INCREF(item); // a hook may run any code
    const int failed = write_item(w, item);
    Py_DECREF(item);
    if (failed)
      return -1;
  }
  w->depth--;
  return 0;
}

// The encoding of `value` alone, as bytes.
static PyObject* apart(writer* w, PyObject* value) {
  const size_t start = w->size;
  if (write_item(w, value) < 0)
    return NULL;
  PyObject* made = PyBytes_FromStringAndSize((const char*)w->out + start, (Py_ssize_t)(w->size - start));
  w->size = start;
  return made;
}

// The items of a set, or the (key, value) pairs of a dict, encoded.
static PyObject* encoded_items(writer* w, PyObject* value) {
  PyObject* made = PyList_New(0);
  PyObject* source = PyDict_CheckExact(value) ? PyDict_Items(value) : PySequence_List(value);
  const Py_ssize_t count = source ? PyList_Size(source) : -1;
  bool failed = !made || !source;
  for (Py_ssize_t i = 0; i < count && !failed; ++i) {
    PyObject* item = PyList_GetItem(source, i);
    PyObject* encoded;
    if (PyDict_CheckExact(value)) {
      PyObject* key = apart(w, PyTuple_GetItem(item, 0));
      PyObject* content = key ? apart(w, PyTuple_GetItem(item, 1)) : NULL;
      encoded = content ? PyTuple_Pack(2, key, content) : NULL;
      Py_XDECREF(key);
      Py_XDECREF(content);
    } else {
      encoded = apart(w, item);
    }
    failed = !encoded || PyList_Append(made, encoded) < 0;
    Py_XDECREF(encoded);
  }
  Py_XDECREF(source);
  if (failed || PyList_Sort(made) < 0) {
    Py_XDECREF(made);
    return NULL;
  }
  return made;
}

static int put_bytes(writer* w, PyObject* bytes) {
  return put(w, PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes));
}

// A set or dict in canonical order.
static int write_sorted(writer* w, PyObject* value, unsigned major, Py_ssize_t count) {
  if (enter(w) < 0 || put_head(w, major, (uint64_t)count) < 0)
    return -1;
  PyObject* items = encoded_items(w, value);
  if (!items)
    return -1;
  bool failed = false;
  for (Py_ssize_t i = 0; i < PyList_Size(items) && !failed; ++i) {
    PyObject* item = PyList_GetItem(items, i);
    if (major == 5)
      failed = put_bytes(w, PyTuple_GetItem(item, 0)) < 0 || put_bytes(w, PyTuple_GetItem(item, 1)) < 0;
    else
      failed = put_bytes(w, item) < 0;
  }
  if (!failed && PyList_Size(items) != count)
    failed = write_changed() < 0;
  Py_DECREF(items);
  w->depth--;
  return failed ? -1 : 0;
}

static int write_set(writer* w, PyObject* value) {
  if (put_head(w, 6, Py_TYPE(value) == &PySet_Type ? tag_set : tag_frozenset) < 0)
    return -1;
  const Py_ssize_t count = PySet_Size(value);
  if (w->canonical)
    return write_sorted(w, value, 4, count);
  if (enter(w) < 0 || put_head(w, 4, (uint64_t)count) < 0)
    return -1;
  PyObject* items = PyObject_GetIter(value);
  PyObject* item;
  bool failed = !items;
  while (!failed && (item = PyIter_Next(items))) { // raises if the set changes
    failed = write_item(w, item) < 0;
    Py_DECREF(item);
  }
  Py_XDECREF(items);
  w->depth--;
  return failed || PyErr_Occurred() ? -1 : 0;
}

static int write_dict(writer* w, PyObject* value) {
  const Py_ssize_t count = PyDict_Size(value);
  if (w->canonical)
    return write_sorted(w, value, 5, count);
  if (enter(w) < 0 || put_head(w, 5, (uint64_t)count) < 0)
    return -1;
  Py_ssize_t at = 0, written = 0;
  PyObject *key, *item;
  while (PyDict_Next(value, &at, &key, &item)) {
    if (++written > count)
      return write_changed();
    Py_INCREF(key);
    Py_INCREF(item);
    const bool failed = write_item(w, key) < 0 || write_item(w, item) < 0;
    Py_DECREF(key);
    Py_DECREF(item);
    if (failed)
      return -1;
  }
  w->depth--;
  return written == count ? 0 : write_changed();
}

// -- everything --------------------------------------------------------------------------------------------------------

// What `hook` makes of `value`.
static int write_tagged(writer* w, PyObject* value) {
  PyObject* pair = PyObject_CallFunctionObjArgs(w->hook, value, NULL);
  unsigned long long tag;
  PyObject* content;
  if (!pair)
    return -1;
  int result = -1;
  if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
    PyErr_SetString(PyExc_TypeError, "the hook must return (tag, content)");
  } else {
    tag = PyLong_AsUnsignedLongLong(PyTuple_GetItem(pair, 0));
    content = PyTuple_GetItem(pair, 1);
    if (!(tag == (unsigned long long)-1 && PyErr_Occurred()) && enter(w) == 0 && put_head(w, 6, tag) == 0) {
      if (Py_TYPE(content) == &PyMemoryView_Type) {
        const Py_ssize_t size = PyObject_Size(content);
        result = size < 0 ? -1 : write_bytes(w, content, NULL, (size_t)size);
      } else {
        result = write_item(w, content);
      }
      w->depth--;
    }
  }
  Py_DECREF(pair);
  return result;
}

static int write_tuple(writer* w, PyObject* value) { return put_head(w, 6, tag_tuple) < 0 ? -1 : write_list(w, value); }

static int put_simple(writer* w, unsigned char item) { return put(w, &item, 1); }

int write_item(writer* w, PyObject* value) {
  PyTypeObject* type = Py_TYPE(value);
  if (type == &PyLong_Type)
    return write_int(w, value);
  if (type == &PyUnicode_Type)
    return write_text(w, value);
  if (type == &PyFloat_Type)
    return write_float(w, value);
  if (value == Py_None)
    return put_simple(w, 0xf6);
  if (type == &PyBool_Type)
    return put_simple(w, value == Py_True ? 0xf5 : 0xf4);
  if (type == &PyList_Type)
    return write_list(w, value);
  if (type == &PyDict_Type)
    return write_dict(w, value);
  if (type == &PyTuple_Type)
    return write_tuple(w, value);
  if (type == &PyBytes_Type)
    return write_bytes(w, value, PyBytes_AsString(value), (size_t)PyBytes_Size(value));
  if (type == &PyByteArray_Type)
    return write_bytearray(w, value);
  if (type == &PySet_Type || type == &PyFrozenSet_Type)
    return write_set(w, value);
  return write_tagged(w, value);
}
