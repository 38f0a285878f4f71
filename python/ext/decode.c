#include "wire.h"

#include <math.h>

// Reads CBOR from memory that outlives the reader. Every length is compared with what is left before it is used.
typedef struct {
  const unsigned char* begin;
  const unsigned char* at;
  const unsigned char* end;
  PyObject* hook;
  PyObject* buffers; // tuple; NULL: none
} reader;

static PyObject* read_item(reader* r, int depth);

static PyObject* fail(const char* what, const reader* r, const unsigned char* at) {
  if (!PyErr_Occurred())
    PyErr_Format(PyExc_ValueError, "%s at byte %zd", what, (Py_ssize_t)(at - r->begin));
  return NULL;
}

// The same in place of the exception that is set, if it is a `type`.
static PyObject* fail_instead_of(PyObject* type, const char* what, const reader* r, const unsigned char* at) {
  if (!PyErr_ExceptionMatches(type))
    return NULL;
  PyErr_Clear();
  return fail(what, r, at);
}

static inline size_t left(const reader* r) { return (size_t)(r->end - r->at); }

static PyObject* fail_short(const reader* r) { return fail("the value ends, inside an item,", r, r->end); }

static PyObject* read_text(reader* r, uint64_t size, const unsigned char* start) {
  if (size > left(r))
    return fail_short(r);
  PyObject* text = PyUnicode_DecodeUTF8((const char*)r->at, (Py_ssize_t)size, NULL);
  r->at += size;
  return text ? text : fail_instead_of(PyExc_UnicodeDecodeError, "a text that is not UTF-8", r, start);
}

static PyObject* read_bytes(reader* r, uint64_t size) {
  if (size > left(r))
    return fail_short(r);
  PyObject* bytes = PyBytes_FromStringAndSize((const char*)r->at, (Py_ssize_t)size);
  r->at += size;
  return bytes;
}

// Lists made at once, at their full length. A longer one grows while it is read: nested announcements of lengths that
// nothing follows must not allocate much.
enum { list_at_once = 1024 };

static PyObject* read_list(reader* r, uint64_t count, int depth, const unsigned char* start) {
  if (count > left(r))
    return fail("an item that announces more than there is", r, start);
  const Py_ssize_t ready = count <= list_at_once ? (Py_ssize_t)count : 0;
  PyObject* list = PyList_New(ready);
  for (Py_ssize_t i = 0; list && i < (Py_ssize_t)count; ++i) {
    PyObject* item = read_item(r, depth - 1);
    int failed = !item;
    if (item && ready) {
      failed = PyList_SetItem(list, i, item) < 0;
    } else if (item) {
      failed = PyList_Append(list, item) < 0;
      Py_DECREF(item);
    }
    if (failed)
      Py_CLEAR(list);
  }
  return list;
}

static PyObject* read_map(reader* r, uint64_t count, int depth, const unsigned char* start) {
  if (count > left(r) / 2)
    return fail("an item that announces more than there is", r, start);
  PyObject* map = PyDict_New();
  for (uint64_t i = 0; map && i < count; ++i) {
    PyObject* key = read_item(r, depth - 1);
    PyObject* value = key ? read_item(r, depth - 1) : NULL;
    if (!value) {
      Py_CLEAR(map);
    } else if (PyDict_SetItem(map, key, value) < 0) {
      fail_instead_of(PyExc_TypeError, "a key of a map that cannot be one", r, start);
      Py_CLEAR(map);
    }
    Py_XDECREF(key);
    Py_XDECREF(value);
  }
  return map;
}

static double half(unsigned bits) {
  const unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
  double number;
  if (exponent == 31)
    number = fraction ? NAN : INFINITY;
  else
    number = ldexp(exponent ? fraction + 1024 : fraction, (int)(exponent ? exponent : 1) - 25);
  return bits >> 15 ? -number : number;
}

static PyObject* read_float(unsigned width, uint64_t bits) {
  if (width == 2)
    return PyFloat_FromDouble(half((unsigned)bits));
  if (width == 4) {
    const uint32_t short_bits = (uint32_t)bits;
    float number;
    memcpy(&number, &short_bits, sizeof number);
    return PyFloat_FromDouble((double)number);
  }
  double number;
  memcpy(&number, &bits, sizeof number);
  return PyFloat_FromDouble(number);
}

static PyObject* read_simple(const reader* r, unsigned info, uint64_t number, const unsigned char* start) {
  switch (info) {
    case 20:
    case 21:
      return PyBool_FromLong(info == 21);
    case 22:
      Py_INCREF(Py_None);
      return Py_None;
    case 25:
    case 26:
    case 27:
      return read_float(1u << (info - 24), number);
    default:
      return fail("an item without a meaning here", r, start);
  }
}

static PyObject* negative(uint64_t number) {
  if (number <= INT64_MAX)
    return PyLong_FromLongLong(-1 - (long long)number);
  PyObject* positive = PyLong_FromUnsignedLongLong(number);
  PyObject* inverted = positive ? PyNumber_Invert(positive) : NULL;
  Py_XDECREF(positive);
  return inverted;
}

static PyObject* bignum(PyObject* content, bool is_negative) {
  PyObject* number = PyObject_CallMethod((PyObject*)&PyLong_Type, "from_bytes", "Os", content, "big");
  if (!number || !is_negative)
    return number;
  PyObject* inverted = PyNumber_Invert(number);
  Py_DECREF(number);
  return inverted;
}

static PyObject* writable(PyObject* content) {
  if (PyByteArray_CheckExact(content)) {
    Py_INCREF(content);
    return content;
  }
  return PyByteArray_FromObject(content);
}

static PyObject* buffer_at(const reader* r, PyObject* content) {
  const Py_ssize_t index = PyLong_AsSsize_t(content);
  if (index < 0 || !r->buffers || index >= PyTuple_Size(r->buffers)) {
    PyErr_Clear();
    return NULL;
  }
  PyObject* buffer = PyTuple_GetItem(r->buffers, index);
  Py_INCREF(buffer);
  return buffer;
}

// The object of a tag that needs no hook; NULL without an exception: its content is impossible.
static PyObject* known(const reader* r, uint64_t tag, PyObject* content) {
  const bool is_list = PyList_CheckExact(content), is_bytes = PyBytes_CheckExact(content);
  switch (tag) {
    case tag_bignum:
    case tag_negative_bignum:
      return is_bytes ? bignum(content, tag == tag_negative_bignum) : NULL;
    case tag_tuple:
      return is_list ? PyList_AsTuple(content) : NULL;
    case tag_set:
      return is_list ? PySet_New(content) : NULL;
    case tag_frozenset:
      return is_list ? PyFrozenSet_New(content) : NULL;
    case tag_bytearray:
      return is_bytes || PyByteArray_CheckExact(content) || Py_TYPE(content) == &PyMemoryView_Type ? writable(content)
                                                                                                   : NULL;
    case tag_buffer:
      return PyLong_CheckExact(content) ? buffer_at(r, content) : NULL;
    default:
      return NULL;
  }
}

static PyObject* read_tagged(reader* r, uint64_t tag, int depth, const unsigned char* start) {
  PyObject* content = read_item(r, depth - 1);
  if (!content)
    return NULL;
  PyObject* made;
  if (tag <= tag_negative_bignum && tag >= tag_bignum) {
    made = known(r, tag, content);
  } else if (tag == tag_set || (tag >= tag_table && tag <= tag_bytearray) || tag == tag_buffer) {
    made = known(r, tag, content);
    if (!made && PyErr_Occurred())
      fail_instead_of(PyExc_TypeError, "a set with members that cannot be", r, start);
  } else {
    PyObject* number = PyLong_FromUnsignedLongLong(tag);
    made = number ? PyObject_CallFunctionObjArgs(r->hook, number, content, NULL) : NULL;
    Py_XDECREF(number);
    Py_DECREF(content);
    return made;
  }
  Py_DECREF(content);
  return made ? made : fail("a tag with content that it cannot have", r, start);
}

static PyObject* read_item(reader* r, int depth) {
  if (depth < 0) {
    PyErr_Format(PyExc_ValueError, "the value is nested more than %d deep, or contains itself", depth_max);
    return NULL;
  }
  const unsigned char* start = r->at;
  if (r->at == r->end)
    return fail_short(r);
  const unsigned major = *start >> 5, info = *start & 31;
  r->at += 1;
  uint64_t number = info;
  if (info >= 24) {
    if (info > 27)
      return fail("an item of indefinite or unknown length", r, start);
    const size_t width = (size_t)1 << (info - 24);
    if (width > left(r))
      return fail_short(r);
    number = 0;
    for (size_t i = 0; i < width; ++i)
      number = number << 8 | r->at[i];
    r->at += width;
  }
  switch (major) {
    case 0:
      return PyLong_FromUnsignedLongLong(number);
    case 1:
      return negative(number);
    case 2:
      return read_bytes(r, number);
    case 3:
      return read_text(r, number, start);
    case 4:
      return read_list(r, number, depth, start);
    case 5:
      return read_map(r, number, depth, start);
    case 6:
      return read_tagged(r, number, depth, start);
    default:
      return read_simple(r, info, number, start);
  }
}

// -- for Python --------------------------------------------------------------------------------------------------------

// The buffers that follow the document in one byte string, as a tuple.
static PyObject* cut_buffers(const unsigned char* at, const value_table* table) {
  PyObject* buffers = PyTuple_New((Py_ssize_t)table->count - 1);
  for (unsigned i = 1; buffers && i < table->count; ++i) {
    const struct table_entry* entry = &table->entries[i];
    PyObject* buffer = entry->writable ? PyByteArray_FromStringAndSize((const char*)at, (Py_ssize_t)entry->length)
                                       : PyBytes_FromStringAndSize((const char*)at, (Py_ssize_t)entry->length);
    if (!buffer || PyTuple_SetItem(buffers, (Py_ssize_t)i - 1, buffer) < 0)
      Py_CLEAR(buffers);
    at += entry->length;
  }
  return buffers;
}

// Finds the document of a value with buffers, and the buffers unless they are known. 0, or -1 with an exception.
static int open_table(reader* r, bool has_buffers) {
  value_table* table = PyMem_Malloc(sizeof *table);
  if (!table) {
    PyErr_NoMemory();
    return -1;
  }
  const int found = read_table(r->begin, (size_t)(r->end - r->begin), table);
  int result = -1;
  if (found == 0) {
    PyErr_SetString(PyExc_ValueError, "the value ends inside its table of buffers");
  } else if (found > 0) {
    const uint64_t size = (uint64_t)(r->end - r->begin);
    const uint64_t document_end = table->start + table->entries[0].length;
    if (document_end > size || (has_buffers ? document_end != size : table->total != size)) {
      PyErr_SetString(PyExc_ValueError, "a value whose buffers have not the length that its table says");
    } else {
      if (!has_buffers)
        r->buffers = cut_buffers(r->begin + document_end, table);
      r->end = r->begin + document_end;
      r->at = r->begin + table->start;
      result = r->buffers ? 0 : -1;
    }
  }
  PyMem_Free(table);
  return result;
}

static PyObject* decode_in(reader* r) {
  PyObject* value = read_item(r, read_depth_max);
  if (value && r->at != r->end) {
    Py_DECREF(value);
    return fail("something follows the value,", r, r->at);
  }
  return value;
}

static PyObject* decode(PyObject* module, PyObject* args) {
  (void)module;
  PyObject *body, *hook;
  if (!PyArg_UnpackTuple(args, "decode", 2, 2, &body, &hook))
    return NULL;
  const bool is_large = Py_TYPE(body) == large_value_type;
  PyObject* document = is_large ? large_value_head(body) : body;
  if (PyBytes_CheckExact(document))
    Py_INCREF(document);
  else if (!(document = PyBytes_FromObject(document)))
    return NULL;
  reader r;
  r.begin = r.at = (const unsigned char*)PyBytes_AsString(document);
  r.end = r.begin + PyBytes_Size(document);
  r.hook = hook;
  r.buffers = NULL;
  if (is_large) {
    r.buffers = large_value_buffers(body);
    Py_INCREF(r.buffers);
  }
  PyObject* value = NULL;
  const bool has_table = is_large || (r.end - r.begin >= 3 && memcmp(r.begin, TABLE_MARK, 3) == 0);
  if (!has_table || open_table(&r, is_large) == 0)
    value = decode_in(&r);
  Py_XDECREF(r.buffers);
  Py_DECREF(document);
  return value;
}

PyMethodDef decode_methods[] = {
  {"decode", decode, METH_VARARGS, "decode(body, hook) -> value; see hearth._values.cbor_py."},
  {NULL, NULL, 0, NULL},
};
