// What a process does with itself right after it was forked or started, without the cost of importing ctypes.
#define _GNU_SOURCE
#include "wire.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static PyObject* none_or_error(long result) {
  if (result < 0)
    return PyErr_SetFromErrno(PyExc_OSError);
  Py_INCREF(Py_None);
  return Py_None;
}

static PyObject* set_pdeathsig(PyObject* module, PyObject* args) {
  (void)module;
  int signal;
  if (!PyArg_ParseTuple(args, "i", &signal))
    return NULL;
  return none_or_error(prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0));
}

static PyObject* no_new_privileges(PyObject* module, PyObject* unused) {
  (void)module;
  (void)unused;
  return none_or_error(prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL));
}

static PyObject* set_name(PyObject* module, PyObject* args) {
  (void)module;
  const char* name;
  if (!PyArg_ParseTuple(args, "s", &name))
    return NULL;
  return none_or_error(prctl(PR_SET_NAME, name, 0, 0, 0));
}

static PyObject* pidfd_open(PyObject* module, PyObject* args) {
  (void)module;
  long pid;
  if (!PyArg_ParseTuple(args, "l", &pid))
    return NULL;
  const long fd = syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(fd);
}

static long close_between(unsigned first, unsigned last) {
  return first > last ? 0 : syscall(SYS_close_range, first, last, 0);
}

static PyObject* close_all_but(PyObject* module, PyObject* args) {
  (void)module;
  PyObject* given;
  if (!PyArg_ParseTuple(args, "O", &given))
    return NULL;
  PyObject* kept = PySequence_List(given);
  if (!kept || PyList_Sort(kept) < 0) {
    Py_XDECREF(kept);
    return NULL;
  }
  long failed = 0;
  unsigned first = 0;
  for (Py_ssize_t i = 0; i < PyList_Size(kept) && !failed; ++i) {
    const long fd = PyLong_AsLong(PyList_GetItem(kept, i));
    if (fd < 0) {
      Py_DECREF(kept);
      if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "a negative file descriptor");
      return NULL;
    }
    if (fd > 0)
      failed = close_between(first, (unsigned)fd - 1);
    first = (unsigned)fd + 1;
  }
  Py_DECREF(kept);
  return none_or_error(failed ? failed : close_between(first, ~0u));
}

PyMethodDef process_methods[] = {
  {"set_pdeathsig", set_pdeathsig, METH_VARARGS,
   "set_pdeathsig(signal): this process gets `signal` when its parent thread ends; 0: nothing. Raises OSError."},
  {"no_new_privileges", no_new_privileges, METH_NOARGS,
   "no_new_privileges(): nothing that this process executes gains privileges. Raises OSError."},
  {"set_name", set_name, METH_VARARGS, "set_name(name): what `ps` shows; its first 15 bytes count. Raises OSError."},
  {"pidfd_open", pidfd_open, METH_VARARGS, "pidfd_open(pid) -> int: closed on exec. Raises OSError."},
  {"close_all_but", close_all_but, METH_VARARGS,
   "close_all_but(descriptors): closes every other file descriptor. Raises OSError (ENOSYS before Linux 5.9)."},
  {NULL, NULL, 0, NULL},
};
