#pragma once

#include <caf/all.hpp>

/// The first word of every message between actors; interfaces.hpp says what each means to whom.
namespace hearth {

namespace atom {
using replies = caf::atom_constant<caf::atom("replies")>;
using logged = caf::atom_constant<caf::atom("logged")>;
using invoke = caf::atom_constant<caf::atom("invoke")>;
using cancel = caf::atom_constant<caf::atom("cancel")>;
using open = caf::atom_constant<caf::atom("open")>;
using events = caf::atom_constant<caf::atom("events")>;
using effects = caf::atom_constant<caf::atom("effects")>;
using dispatch = caf::atom_constant<caf::atom("dispatch")>;
using recall = caf::atom_constant<caf::atom("recall")>;
using halt = caf::atom_constant<caf::atom("halt")>;
using drained = caf::atom_constant<caf::atom("drained")>;
using retire = caf::atom_constant<caf::atom("retire")>;
using attach = caf::atom_constant<caf::atom("attach")>;
using unmade = caf::atom_constant<caf::atom("unmade")>;
using start = caf::atom_constant<caf::atom("start")>;
using forget = caf::atom_constant<caf::atom("forget")>;
using list = caf::atom_constant<caf::atom("list")>;
using accept = caf::atom_constant<caf::atom("accept")>;
using watch = caf::atom_constant<caf::atom("watch")>;
using await = caf::atom_constant<caf::atom("await")>;
using result = caf::atom_constant<caf::atom("result")>;
using abort = caf::atom_constant<caf::atom("abort")>;
using actions = caf::atom_constant<caf::atom("actions")>;
using join = caf::atom_constant<caf::atom("join")>;
using leave = caf::atom_constant<caf::atom("leave")>;
using status = caf::atom_constant<caf::atom("status")>;
using own = caf::atom_constant<caf::atom("own")>;
using disown = caf::atom_constant<caf::atom("disown")>;
using stop = caf::atom_constant<caf::atom("stop")>;
using has = caf::atom_constant<caf::atom("has")>;
using store = caf::atom_constant<caf::atom("store")>;
using append = caf::atom_constant<caf::atom("append")>;
using read = caf::atom_constant<caf::atom("read")>;
using withdraw = caf::atom_constant<caf::atom("withdraw")>;
using promote = caf::atom_constant<caf::atom("promote")>;
using yield = caf::atom_constant<caf::atom("yield")>;
using record = caf::atom_constant<caf::atom("record")>;
using seek = caf::atom_constant<caf::atom("seek")>;
using found = caf::atom_constant<caf::atom("found")>;
using find = caf::atom_constant<caf::atom("find")>;
using pin = caf::atom_constant<caf::atom("pin")>;
using rerun = caf::atom_constant<caf::atom("rerun")>;
using adopt = caf::atom_constant<caf::atom("adopt")>;
using parts = caf::atom_constant<caf::atom("parts")>;
using more = caf::atom_constant<caf::atom("more")>;
using input = caf::atom_constant<caf::atom("input")>;
using check = caf::atom_constant<caf::atom("check")>;
using drain = caf::atom_constant<caf::atom("drain")>;
using report = caf::atom_constant<caf::atom("report")>; // INTERNAL: an actor's own timer
using retry = caf::atom_constant<caf::atom("retry")>;   // INTERNAL: an actor's own timer
using tick = caf::atom_constant<caf::atom("tick")>;     // INTERNAL: an actor's own timer
} // namespace atom

} // namespace hearth
