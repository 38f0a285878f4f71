// The slot table, from the interpreter's side: schema/frame.capnp says what a word means and who changes it when.
#include "wire.h"

#include <sys/mman.h>
#include <sys/stat.h>

enum { slot_sent = 1, slot_started = 2, slot_cancelled = 4, slot_done = 5 };

typedef struct {
  PyObject_HEAD uint64_t* words;
  unsigned count;
} slot_table;

static PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  (void)kwargs;
  int fd;
  unsigned count;
  if (!PyArg_ParseTuple(args, "iI:Slots", &fd, &count))
    return NULL;
  void* memory = NULL;
  if (count) {
    struct stat found;
    const size_t bytes = (size_t)count * sizeof(uint64_t);
    if (fstat(fd, &found) < 0)
      return PyErr_SetFromErrno(PyExc_OSError);
    if (found.st_size < 0 || (uint64_t)found.st_size < bytes) {
      PyErr_Format(PyExc_ValueError, "a slot table of %u words in a file of %zd bytes", count,
                   (Py_ssize_t)found.st_size);
      return NULL;
    }
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
      return PyErr_SetFromErrno(PyExc_OSError);
  }
  slot_table* made = PyObject_New(slot_table, type);
  if (!made) {
    munmap(memory, (size_t)count * sizeof(uint64_t));
    return NULL;
  }
  made->words = memory;
  made->count = count;
  return (PyObject*)made;
}

static void dealloc(PyObject* self) {
  slot_table* table = (slot_table*)self;
  if (table->words)
    munmap(table->words, (size_t)table->count * sizeof(uint64_t));
  free_instance(self);
}

static uint64_t* word_at(PyObject* self, unsigned slot) {
  slot_table* table = (slot_table*)self;
  if (slot < table->count)
    return &table->words[slot];
  PyErr_Format(PyExc_IndexError, "slot %u of a table of %u", slot, table->count);
  return NULL;
}

static uint64_t* word_of(PyObject* self, PyObject* args, uint32_t* generation) {
  unsigned slot;
  unsigned long long wanted;
  if (!PyArg_ParseTuple(args, "IK", &slot, &wanted))
    return NULL;
  *generation = (uint32_t)wanted;
  return word_at(self, slot);
}

// Changes the state from one of `from` (a set of bits) to `to`, if the word is of this generation; whether it did.
static bool change(uint64_t* word, uint32_t generation, unsigned from, unsigned to) {
  uint64_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  while ((uint32_t)(seen >> 8) == generation && (seen & 0xff) < 32 && (from >> (seen & 0xff) & 1)) {
    const uint64_t wanted = (seen & ~(uint64_t)0xff) | to;
    if (__atomic_compare_exchange_n(word, &seen, wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return true;
  }
  return false;
}

static PyObject* start(PyObject* self, PyObject* args) {
  uint32_t generation;
  uint64_t* word = word_of(self, args, &generation);
  return word ? PyBool_FromLong(change(word, generation, 1u << slot_sent, slot_started)) : NULL;
}

static PyObject* finish(PyObject* self, PyObject* args) {
  uint32_t generation;
  uint64_t* word = word_of(self, args, &generation);
  return word ? PyBool_FromLong(change(word, generation, 1u << slot_started | 1u << slot_cancelled, slot_done)) : NULL;
}

static PyObject* is_cancelled(PyObject* self, PyObject* args) {
  uint32_t generation;
  uint64_t* word = word_of(self, args, &generation);
  if (!word)
    return NULL;
  const uint64_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  return PyBool_FromLong((uint32_t)(seen >> 8) == generation && (seen & 0xff) == slot_cancelled);
}

static PyObject* state(PyObject* self, PyObject* args) {
  unsigned slot;
  if (!PyArg_ParseTuple(args, "I", &slot))
    return NULL;
  const uint64_t* word = word_at(self, slot);
  if (!word)
    return NULL;
  const uint64_t seen = __atomic_load_n(word, __ATOMIC_ACQUIRE);
  return Py_BuildValue("KI", (unsigned long long)(seen >> 8), (unsigned)(seen & 0xff));
}

int add_slots(PyObject* module) {
  static PyMethodDef methods[] = {
    {"start", start, METH_VARARGS, "start(slot, generation) -> bool: sent -> started"},
    {"finish", finish, METH_VARARGS, "finish(slot, generation) -> bool: started or cancelled -> done"},
    {"is_cancelled", is_cancelled, METH_VARARGS, "is_cancelled(slot, generation) -> bool"},
    {"state", state, METH_VARARGS, "state(slot) -> (generation, state)"},
    {NULL, NULL, 0, NULL},
  };
  static PyType_Slot slots[] = {
    {Py_tp_doc, "Slots(fd, count): the slot table of a replica; see hearth._frames."},
    {Py_tp_new, make},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
  };
  static PyType_Spec spec = {"hearth._wire.Slots", sizeof(slot_table), 0, Py_TPFLAGS_DEFAULT, slots};
  return add_type(module, &spec) ? 0 : -1;
}
