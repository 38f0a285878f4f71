#include "wire.h"

#include <structmember.h>

PyTypeObject* add_type(PyObject* module, PyType_Spec* spec) {
  PyObject* type = PyType_FromSpec(spec);
  if (!type)
    return NULL;
  Py_INCREF(type); // the module's; ours stays for the life of the process
  const char* name = strrchr(spec->name, '.') + 1;
  if (PyModule_AddObject(module, name, type) < 0) {
    Py_DECREF(type);
    Py_DECREF(type);
    return NULL;
  }
  return (PyTypeObject*)type;
}

void free_instance(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  release(self);
  Py_DECREF(type);
}

// -- LargeValue --------------------------------------------------------------------------------------------------------

typedef struct {
  PyObject_HEAD PyObject* head;
  PyObject* buffers;
  Py_ssize_t size;
} large_value;

PyTypeObject* large_value_type;

PyObject* large_value_head(PyObject* large) { return ((large_value*)large)->head; }

PyObject* large_value_buffers(PyObject* large) { return ((large_value*)large)->buffers; }

PyObject* large_value_new(PyObject* head, PyObject* buffers) {
  Py_ssize_t size = PyBytes_Size(head);
  const Py_ssize_t count = PyTuple_Size(buffers);
  if (size < 0 || count < 0)
    return NULL;
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Py_ssize_t length = PyObject_Size(PyTuple_GetItem(buffers, i));
    if (length < 0)
      return NULL;
    size += length;
  }
  large_value* made = PyObject_New(large_value, large_value_type);
  if (!made)
    return NULL;
  Py_INCREF(head);
  Py_INCREF(buffers);
  made->head = head;
  made->buffers = buffers;
  made->size = size;
  return (PyObject*)made;
}

static PyObject* large_value_make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  (void)type;
  static char* names[] = {"head", "buffers", NULL};
  PyObject *head, *given;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "SO:LargeValue", names, &head, &given))
    return NULL;
  PyObject* buffers = PySequence_Tuple(given);
  if (!buffers)
    return NULL;
  PyObject* made = large_value_new(head, buffers);
  Py_DECREF(buffers);
  return made;
}

static void large_value_dealloc(PyObject* self) {
  Py_XDECREF(((large_value*)self)->head);
  Py_XDECREF(((large_value*)self)->buffers);
  free_instance(self);
}

static Py_ssize_t large_value_length(PyObject* self) { return ((large_value*)self)->size; }

static PyObject* large_value_bytes(PyObject* self, PyObject* unused) {
  (void)unused;
  PyObject* pieces = PySequence_List(((large_value*)self)->buffers);
  if (!pieces || PyList_Insert(pieces, 0, ((large_value*)self)->head) < 0) {
    Py_XDECREF(pieces);
    return NULL;
  }
  PyObject* empty = PyBytes_FromStringAndSize(NULL, 0);
  PyObject* joined = empty ? PyObject_CallMethod(empty, "join", "O", pieces) : NULL;
  Py_XDECREF(empty);
  Py_DECREF(pieces);
  return joined;
}

int add_large_value(PyObject* module) {
  static PyMemberDef members[] = {
    {"head", T_OBJECT_EX, offsetof(large_value, head), READONLY, "Table and document."},
    {"buffers", T_OBJECT_EX, offsetof(large_value, buffers), READONLY, "Tuple of bytes-like objects."},
    {NULL, 0, 0, 0, NULL},
  };
  static PyMethodDef methods[] = {
    {"__bytes__", large_value_bytes, METH_NOARGS, "The value as one byte string."},
    {NULL, NULL, 0, NULL},
  };
  static PyType_Slot slots[] = {
    {Py_tp_doc, "LargeValue(head, buffers): a value whose big byte strings are kept apart."},
    {Py_tp_new, large_value_make},
    {Py_tp_dealloc, large_value_dealloc},
    {Py_tp_members, members},
    {Py_tp_methods, methods},
    {Py_sq_length, large_value_length},
    {0, NULL},
  };
  static PyType_Spec spec = {"hearth._wire.LargeValue", sizeof(large_value), 0, Py_TPFLAGS_DEFAULT, slots};
  large_value_type = add_type(module, &spec);
  return large_value_type ? 0 : -1;
}

// Lengths of a table are CBOR integers; a negative one, -1-n, asks for memory that can be written to.
int read_table(const unsigned char* data, size_t size, value_table* table) {
  if (size < 3 || memcmp(data, TABLE_MARK, 3) != 0)
    return 0;
  size_t at = 3;
  bool counted = false;
  table->count = 0;
  table->total = 0;
  for (unsigned wanted = 1, read = 0; read < wanted;) {
    if (at >= size)
      return 0;
    const unsigned major = data[at] >> 5, info = data[at] & 31;
    const size_t width = info < 24 ? 0 : info < 28 ? (size_t)1 << (info - 24) : 9;
    if (width > 8)
      goto impossible;
    if (at + 1 + width > size)
      return 0;
    uint64_t number = width ? 0 : info;
    for (size_t i = 0; i < width; ++i)
      number = number << 8 | data[at + 1 + i];
    at += 1 + width;
    if (!counted) {
      if (major != 4 || number < 1 || number > 1 + buffers_max)
        goto impossible;
      counted = true;
      wanted = (unsigned)number;
      continue;
    }
    if (major > 1 || number > VALUE_BYTES_MAX || (major && !read))
      goto impossible;
    table->entries[read++] = (struct table_entry){number, major == 1};
    table->total += number;
    table->count = read;
  }
  table->start = at;
  table->total += at;
  return 1;
impossible:
  PyErr_SetString(PyExc_ValueError, "a table of buffers with an impossible length");
  return -1;
}

// -- the module --------------------------------------------------------------------------------------------------------

// Single-phase: the types live as long as the process, which has one interpreter that runs tasks.
static PyModuleDef definition = {
  PyModuleDef_HEAD_INIT,
  "hearth._wire",
  "See hearth._frames and hearth._values.cbor_py.",
  -1,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
};

__attribute__((visibility("default"))) PyMODINIT_FUNC PyInit__wire(void) {
  PyObject* module = PyModule_Create(&definition);
  if (!module)
    return NULL;
  if (PyModule_AddFunctions(module, encode_methods) < 0 || PyModule_AddFunctions(module, decode_methods) < 0
      || PyModule_AddFunctions(module, frame_methods) < 0 || add_large_value(module) < 0 || add_frames(module) < 0
      || add_reader(module) < 0 || add_slots(module) < 0) {
    Py_DECREF(module);
    return NULL;
  }
  return module;
}
