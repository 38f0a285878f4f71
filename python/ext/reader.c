// Frames from a socket. Small ones are cut out of one buffer; the body of a large one is received where it stays.
#define _GNU_SOURCE
#include "incoming.h"
#include "patience.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
  buffer_bytes = 256 * 1024,
  whole_bytes_max = 64 * 1024, // frames up to here are waited for in the buffer
  pieces_max = 16,             // of memory in one receive
};

typedef struct {
  PyObject_HEAD PyObject* socket;
  unsigned char* buffer;
  size_t begin, end;   // what is received in `buffer` and not looked at yet
  size_t body_left;    // of the frame whose body is being received
  size_t padding_left; // after it
  incoming* current;   // where that body goes; NULL: nowhere
  incoming* values;    // begun, with chunks still to come
  patience patience;   // of reads that wait
  bool in_frame;       // between the head of a frame and its end
  bool busy;
} frame_reader;

static PyObject* broken(const char* what, unsigned long long number) {
  PyErr_Format(PyExc_ValueError, "a frame %s (%llu)", what, number);
  return NULL;
}

static size_t available(const frame_reader* r) { return r->end - r->begin; }

// -- values that come in several frames --------------------------------------------------------------------------------

static incoming** find(frame_reader* r, uint64_t hi, uint64_t lo, int kind) {
  incoming** at = &r->values;
  while (*at && !((*at)->hi == hi && (*at)->lo == lo && (*at)->kind == kind))
    at = &(*at)->next;
  return at;
}

// Takes the value out of the list; NULL if it is not there.
static incoming* take_out(frame_reader* r, uint64_t hi, uint64_t lo, int kind) {
  incoming** at = find(r, hi, lo, kind);
  incoming* found = *at;
  if (found)
    *at = found->next;
  return found;
}

static int append(PyObject* into, PyObject* frame) {
  if (PyList_CheckExact(into))
    return PyList_Append(into, frame);
  PyObject* result = PyObject_CallMethod(into, "append", "O", frame);
  Py_XDECREF(result);
  return result ? 0 : -1;
}

// The body of the current frame is here as a whole: hands its value on, or keeps it for its chunks.
static int finish_frame(frame_reader* r, PyObject* into) {
  incoming* value = r->current;
  r->current = NULL;
  if (!value)
    return 0;
  if (value->filled < value->size) {
    value->next = r->values;
    r->values = value;
    return 0;
  }
  PyObject* frame = incoming_frame(value);
  const int result = frame ? append(into, frame) : -1;
  Py_XDECREF(frame);
  incoming_free(value);
  return result;
}

// -- frames in the buffer ----------------------------------------------------------------------------------------------

// Looks at the frame at the beginning of the buffer. 1: its head is there and right; 0: more is needed; -1: it is broken.
static int look(const frame_reader* r, int* kind, size_t* frame_bytes, size_t* body_bytes) {
  const unsigned char* at = r->buffer + r->begin;
  if (available(r) < data_at + 2)
    return 0;
  const uint64_t prefix = load_u64(at);
  *frame_bytes = prefix_bytes + 8 * (size_t)(prefix >> 32);
  if ((uint32_t)prefix != 0)
    return broken("does not begin like one", (uint32_t)prefix), -1;
  if (*frame_bytes < prefix_bytes + 24 || *frame_bytes > FRAME_BYTES_MAX)
    return broken("of impossible size", *frame_bytes), -1;
  *kind = at[data_at] | at[data_at + 1] << 8;
  if (*kind < kind_call || *kind >= kinds)
    return broken("of an unknown kind", (unsigned)*kind), -1;
  const size_t head = head_bytes(*kind);
  if (*frame_bytes < head)
    return broken("too short for its kind", *frame_bytes), -1;
  if (available(r) < head)
    return 0;
  const uint64_t pointer = load_u64(at + head - 8);
  *body_bytes = (size_t)(pointer >> 35);
  const bool is_bytes = pointer == 0 || (pointer & 0x7ffffffffu) == ((uint64_t)2 << 32 | 1);
  if (!is_bytes || load_u64(at + prefix_bytes) != ((uint64_t)(layouts[*kind].data_bytes / 8) << 32 | (uint64_t)1 << 48))
    return broken("with a wrong pointer", pointer), -1;
  if (head + *body_bytes + padding(*body_bytes) != *frame_bytes)
    return broken("whose body is not as long as it says", *body_bytes), -1;
  return 1;
}

// The chunk's value goes on; one that nobody wants is skipped. 0, or -1 with an exception.
static int continue_value(frame_reader* r, const unsigned char* data, size_t body_bytes) {
  const int kind = data[2] & chunk_of_reply ? kind_reply : kind_call;
  r->current = take_out(r, load_u64(data + 8), load_u64(data + 16), kind);
  if (!r->current)
    return 0;
  if (load_u64(data + 24) != r->current->filled)
    return broken("with a part of a value out of order", load_u64(data + 24)), -1;
  if (body_bytes > r->current->size - r->current->filled)
    return broken("with more of a value than was announced", body_bytes), -1;
  return 0;
}

// Begins the frame that `look` found. 1: done; 0: more is needed; -1: an exception is set.
static int begin_frame(frame_reader* r, int kind, size_t frame_bytes, size_t body_bytes) {
  const size_t head = head_bytes(kind);
  const unsigned char *at = r->buffer + r->begin, *data = at + data_at;
  const bool is_value = kind == kind_call || kind == kind_reply;
  const size_t wanted = is_value && body_bytes > table_bytes_max ? table_bytes_max : body_bytes;
  if (available(r) < (frame_bytes <= whole_bytes_max ? frame_bytes : head + (is_value ? wanted : 0)))
    return 0;
  if (kind == kind_chunk && load_u64(data) >> 32 == 0) {
    if (continue_value(r, data, body_bytes) < 0)
      return -1;
  } else {
    if (is_value && r->values) {
      const unsigned char* call = data + call_at(kind);
      incoming_free(take_out(r, load_u64(call), load_u64(call + 8), kind));
    }
    const size_t here = available(r) - head < body_bytes ? available(r) - head : body_bytes;
    r->current = incoming_new(kind, data, at + head, body_bytes, here);
    if (!r->current)
      return -1;
  }
  r->begin += head;
  r->in_frame = true;
  r->body_left = body_bytes;
  r->padding_left = padding(body_bytes);
  return 1;
}

// A whole small frame without parts, which most are. 1: done; 0: it is not one; -1: an exception is set.
static int small_frame(frame_reader* r, PyObject* into, int kind, size_t frame_bytes, size_t body_bytes) {
  const size_t head = head_bytes(kind);
  const unsigned char* at = r->buffer + r->begin;
  const frame_layout* layout = &layouts[kind];
  if (available(r) < frame_bytes || body_bytes >= whole_bytes_max || kind == kind_chunk)
    return 0;
  if (layout->size_field >= 0
      && (r->values || load_u64(at + data_at + layout->fields[layout->size_field].offset) != body_bytes
          || (body_bytes >= 3 && memcmp(at + head, TABLE_MARK, 3) == 0)))
    return 0;
  frame_object* frame = new_frame(kind, at + data_at);
  if (!frame)
    return -1;
  frame->body = PyBytes_FromStringAndSize((const char*)at + head, (Py_ssize_t)body_bytes);
  const int failed = !frame->body || append(into, (PyObject*)frame) < 0;
  Py_DECREF(frame);
  r->begin += frame_bytes;
  return failed ? -1 : 1;
}

// Copies what the buffer has of the current body. 1: the frame is over; 0: more is needed; -1: an exception is set.
static int go_on(frame_reader* r, PyObject* into) {
  const size_t here = available(r) < r->body_left ? available(r) : r->body_left;
  if (r->current)
    incoming_copy(r->current, r->buffer + r->begin, here);
  r->begin += here;
  r->body_left -= here;
  if (r->body_left)
    return 0;
  const size_t skipped = available(r) < r->padding_left ? available(r) : r->padding_left;
  r->begin += skipped;
  r->padding_left -= skipped;
  if (r->padding_left)
    return 0;
  r->in_frame = false;
  return finish_frame(r, into) < 0 ? -1 : 1;
}

// Hands on every frame that is complete.
static int parse(frame_reader* r, PyObject* into) {
  for (;;) {
    int kind, done;
    size_t frame_bytes, body_bytes;
    if (r->in_frame) {
      done = go_on(r, into);
    } else if ((done = look(r, &kind, &frame_bytes, &body_bytes)) == 1) {
      done = small_frame(r, into, kind, frame_bytes, body_bytes);
      if (done == 0)
        done = begin_frame(r, kind, frame_bytes, body_bytes);
    }
    if (done != 1)
      return done;
  }
}

// -- the socket --------------------------------------------------------------------------------------------------------

// Moves what is not looked at yet to the beginning of the buffer.
static void compact(frame_reader* r) {
  if (r->begin)
    memmove(r->buffer, r->buffer + r->begin, available(r));
  r->end -= r->begin;
  r->begin = 0;
}

// One receive: into the memory of the current body as far as it goes, the rest into the buffer.
static ssize_t receive(frame_reader* r, int fd, int flags, bool looks) {
  struct iovec pieces[pieces_max + 1];
  size_t direct = 0;
  int count = 0;
  compact(r);
  if (r->current && r->body_left)
    count = incoming_pieces(r->current, r->body_left, pieces, pieces_max, &direct);
  if (direct == r->body_left || !count)
    pieces[count++] = (struct iovec){r->buffer + r->end, buffer_bytes - r->end};
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
  ssize_t received;
  Py_BEGIN_ALLOW_THREADS received = looks ? patience_look(&r->patience, fd, &message) : recvmsg(fd, &message, flags);
  Py_END_ALLOW_THREADS if (received <= 0) return received;
  const size_t placed = (size_t)received < direct ? (size_t)received : direct;
  if (placed) {
    incoming_advance(r->current, placed);
    r->body_left -= placed;
  }
  r->end += (size_t)received - placed;
  return received;
}

static PyObject* read_some(frame_reader* r, PyObject* into, int flags) {
  PyObject* number = PyObject_CallMethod(r->socket, "fileno", NULL);
  const int fd = number ? (int)PyLong_AsLong(number) : -1;
  Py_XDECREF(number);
  if (fd < 0 && PyErr_Occurred())
    return NULL;
  const bool patient = r->patience.ns && !flags;
  bool looks = patient && patience_begins(&r->patience);
  ssize_t received;
  while ((received = receive(r, fd, flags, looks)) < 0) {
    const int error = errno;
    if (error != EINTR && !(error == EAGAIN && patient)) {
      errno = error;
      return PyErr_SetFromErrno(PyExc_OSError);
    }
    if (PyErr_CheckSignals() < 0) // before it sleeps, too
      return NULL;
    looks = false;
  }
  if (patient)
    patience_ends(&r->patience);
  if (received > 0 && parse(r, into) < 0)
    return NULL;
  return PyBool_FromLong(received > 0);
}

// -- for Python --------------------------------------------------------------------------------------------------------

static PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  (void)kwargs;
  PyObject* socket;
  int patience_us = 0;
  if (!PyArg_ParseTuple(args, "O|i:Reader", &socket, &patience_us))
    return NULL;
  if (patience_us) {
    const int fd = PyObject_AsFileDescriptor(socket);
    if (fd < 0 || !patience_sees_signals(fd))
      return fd < 0 ? NULL : PyErr_SetFromErrno(PyExc_OSError);
  }
  unsigned char* buffer = PyMem_Malloc(buffer_bytes);
  if (!buffer)
    return PyErr_NoMemory();
  frame_reader* made = PyObject_New(frame_reader, type);
  if (!made) {
    PyMem_Free(buffer);
    return NULL;
  }
  Py_INCREF(socket);
  made->socket = socket;
  made->buffer = buffer;
  made->begin = made->end = made->body_left = made->padding_left = 0;
  made->current = made->values = NULL;
  made->patience = (patience){.ns = (int64_t)patience_us * 1000};
  made->in_frame = made->busy = false;
  return (PyObject*)made;
}

static void dealloc(PyObject* self) {
  frame_reader* r = (frame_reader*)self;
  incoming_free(r->current);
  while (r->values) {
    incoming* next = r->values->next;
    incoming_free(r->values);
    r->values = next;
  }
  PyMem_Free(r->buffer);
  Py_XDECREF(r->socket);
  free_instance(self);
}

static PyObject* read_frames(PyObject* self, PyObject* args) {
  frame_reader* r = (frame_reader*)self;
  PyObject* into;
  int flags = 0;
  if (!PyArg_ParseTuple(args, "O|i:read", &into, &flags))
    return NULL;
  if (r->busy) {
    PyErr_SetString(PyExc_RuntimeError, "another thread reads from this Reader");
    return NULL;
  }
  r->busy = true;
  PyObject* result = read_some(r, into, flags);
  r->busy = false;
  return result;
}

static PyObject* feed(PyObject* self, PyObject* args) {
  frame_reader* r = (frame_reader*)self;
  PyObject *data, *into;
  char* at;
  Py_ssize_t left;
  if (!PyArg_ParseTuple(args, "SO:feed", &data, &into) || PyBytes_AsStringAndSize(data, &at, &left) < 0)
    return NULL;
  if (r->busy) {
    PyErr_SetString(PyExc_RuntimeError, "another thread reads from this Reader");
    return NULL;
  }
  r->busy = true;
  int done = 0;
  while (left > 0 && done >= 0) {
    compact(r);
    const size_t room = buffer_bytes - r->end, part = (size_t)left < room ? (size_t)left : room;
    memcpy(r->buffer + r->end, at, part);
    r->end += part;
    at += part;
    left -= (Py_ssize_t)part;
    done = parse(r, into);
  }
  r->busy = false;
  if (done < 0)
    return NULL;
  Py_INCREF(Py_None);
  return Py_None;
}

static PyObject* forget(PyObject* self, PyObject* args) {
  frame_reader* r = (frame_reader*)self;
  unsigned long long hi, lo;
  if (!PyArg_ParseTuple(args, "KK:forget", &hi, &lo))
    return NULL;
  // The part that is being received at this moment has left the list; its value is kept until it is complete.
  incoming_free(take_out(r, hi, lo, kind_call));
  incoming_free(take_out(r, hi, lo, kind_reply));
  Py_INCREF(Py_None);
  return Py_None;
}

int add_reader(PyObject* module) {
  static PyMethodDef methods[] = {
    {"read", read_frames, METH_VARARGS, "read(into, flags=0) -> bool: one recv; see hearth._frames."},
    {"feed", feed, METH_VARARGS, "feed(data, into): the frames of bytes that were received elsewhere."},
    {"forget", forget, METH_VARARGS, "forget(call_hi, call_lo): drops what has come of a value."},
    {NULL, NULL, 0, NULL},
  };
  static PyType_Slot slots[] = {
    {Py_tp_doc, "Reader(socket): frames from a socket; see hearth._frames."},
    {Py_tp_new, make},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
  };
  static PyType_Spec spec = {"hearth._wire.Reader", sizeof(frame_reader), 0, Py_TPFLAGS_DEFAULT, slots};
  return add_type(module, &spec) ? 0 : -1;
}
