// Encoding and the quick half of checking, as functions for Python.
#include "encode.h"

// Table and document of a value with buffers.
static PyObject* large_head(writer* w) {
  writer table;
  writer_prepare(&table, NULL, false);
  const Py_ssize_t count = PyList_Size(w->buffers);
  int failed = put(&table, TABLE_MARK, 3) < 0 || put_head(&table, 4, 1 + (uint64_t)count) < 0
               || put_head(&table, 0, w->size) < 0;
  for (Py_ssize_t i = 0; i < count && !failed; ++i) {
    PyObject* buffer = PyList_GetItem(w->buffers, i);
    const Py_ssize_t size = PyObject_Size(buffer);
    failed = size < 0 || put_head(&table, !PyBytes_CheckExact(buffer), (uint64_t)size) < 0;
  }
  PyObject* head = NULL;
  if (!failed && put(&table, w->out, w->size) == 0)
    head = PyBytes_FromStringAndSize((const char*)table.out, (Py_ssize_t)table.size);
  writer_release(&table);
  return head;
}

static PyObject* encode(PyObject* module, PyObject* args) {
  (void)module;
  PyObject *value, *hook;
  if (!PyArg_UnpackTuple(args, "encode", 2, 2, &value, &hook))
    return NULL;
  writer w;
  writer_prepare(&w, hook, false);
  PyObject* made = NULL;
  if (write_item(&w, value) == 0) {
    if (!w.buffers) {
      made = PyBytes_FromStringAndSize((const char*)w.out, (Py_ssize_t)w.size);
    } else {
      PyObject* head = large_head(&w);
      PyObject* buffers = head ? PySequence_Tuple(w.buffers) : NULL;
      made = buffers ? large_value_new(head, buffers) : NULL;
      Py_XDECREF(head);
      Py_XDECREF(buffers);
    }
  }
  writer_release(&w);
  return made;
}

static PyObject* encode_canonical(PyObject* module, PyObject* args) {
  (void)module;
  PyObject *value, *hook;
  if (!PyArg_UnpackTuple(args, "encode_canonical", 2, 2, &value, &hook))
    return NULL;
  writer w;
  writer_prepare(&w, hook, true);
  PyObject* made = NULL;
  if (write_item(&w, value) == 0)
    made = PyBytes_FromStringAndSize((const char*)w.out, (Py_ssize_t)w.size);
  writer_release(&w);
  return made;
}

// -- checks ------------------------------------------------------------------------------------------------------------

// Whether all items of a list or tuple are exactly of `type`. No Python code runs.
static bool all_are(PyObject* values, PyTypeObject* type) {
  const bool is_list = PyList_Check(values);
  const Py_ssize_t count = is_list ? PyList_Size(values) : PyTuple_Size(values);
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (Py_TYPE(is_list ? PyList_GetItem(values, i) : PyTuple_GetItem(values, i)) != type)
      return false;
  }
  return true;
}

static bool fits_one(PyObject* value, PyObject* wanted) {
  if (wanted == Py_None || (PyObject*)Py_TYPE(value) == wanted)
    return true;
  if (!PyTuple_CheckExact(wanted) || PyTuple_Size(wanted) != 1 || !PyList_CheckExact(value))
    return false;
  return all_are(value, (PyTypeObject*)PyTuple_GetItem(wanted, 0));
}

static bool is_sequence(PyObject* values) {
  if (PyList_Check(values) || PyTuple_Check(values))
    return true;
  PyErr_SetString(PyExc_TypeError, "a list or tuple of values is needed");
  return false;
}

static PyObject* fits(PyObject* module, PyObject* args) {
  (void)module;
  PyObject *values, *plan;
  if (!PyArg_UnpackTuple(args, "fits", 2, 2, &values, &plan) || !is_sequence(values) || !is_sequence(plan))
    return NULL;
  const bool is_list = PyList_Check(values);
  const Py_ssize_t count = is_list ? PyList_Size(values) : PyTuple_Size(values);
  bool all = PyTuple_Check(plan) && PyTuple_Size(plan) == count;
  for (Py_ssize_t i = 0; i < count && all; ++i)
    all = fits_one(is_list ? PyList_GetItem(values, i) : PyTuple_GetItem(values, i), PyTuple_GetItem(plan, i));
  return PyBool_FromLong(all);
}

static PyObject* all_exact(PyObject* module, PyObject* args) {
  (void)module;
  PyObject *values, *type;
  if (!PyArg_UnpackTuple(args, "all_exact", 2, 2, &values, &type) || !is_sequence(values))
    return NULL;
  return PyBool_FromLong(all_are(values, (PyTypeObject*)type));
}

PyMethodDef encode_methods[] = {
  {"encode", encode, METH_VARARGS, "encode(value, hook) -> bytes or LargeValue; see hearth._values.cbor_py."},
  {"encode_canonical", encode_canonical, METH_VARARGS, "encode_canonical(value, hook) -> bytes"},
  {"fits", fits, METH_VARARGS, "fits(values, plan) -> bool"},
  {"all_exact", all_exact, METH_VARARGS, "all_exact(values, type) -> bool"},
  {NULL, NULL, 0, NULL},
};
