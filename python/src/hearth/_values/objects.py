"""Everything that CBOR has no item for: which tag and content stand for an object, and the object of tag and content.

`encode_hook`, `canonical_hook` and `decode_hook` are the hooks of `cbor`. How values of a class are written is decided
once per class. What no rule covers is pickled.
"""

from __future__ import annotations

import dataclasses
import decimal
import enum
import hashlib
import pathlib
import uuid
from typing import Any, Callable, Dict, Optional, Tuple

from hearth._values import arrays, exceptions, files, models, pickles, tags, times
from hearth._values.classes import class_named, name_of

__all__ = ["canonical_hook", "decode_hook", "encode_hook"]

Written = Optional[Tuple[int, Any]]  # None: this value has to be pickled
Encoder = Callable[[Any], Written]

_encoders: Dict[type, Encoder] = {}
_canonical_encoders: Dict[type, Encoder] = {}
_ENCODERS_MAX = 10_000  # classes can be made in loops

_BUILTIN_CONTENT = (dict, list, tuple, set, frozenset, str, bytes, bytearray, int, float, complex)


def encode_hook(value: Any) -> Tuple[int, Any]:
    """Tag and content for `value`. Raises ValueError if it cannot travel."""
    cls = type(value)
    encoder = _encoders.get(cls)
    if encoder is None:
        encoder = _remember(_encoders, cls, False)
    return encoder(value) or _pickled(value)


def canonical_hook(value: Any) -> Tuple[int, Any]:
    """The same for the canonical form."""
    cls = type(value)
    if cls is bytes:
        return tags.DIGEST, hashlib.sha256(value).digest()
    encoder = _canonical_encoders.get(cls)
    if encoder is None:
        encoder = _remember(_canonical_encoders, cls, True)
    return encoder(value) or _pickled(value)


def _remember(encoders: Dict[type, Encoder], cls: type, canonical: bool) -> Encoder:
    if len(encoders) >= _ENCODERS_MAX:
        encoders.clear()
    encoder = encoders[cls] = _encoder_for(cls, canonical)
    return encoder


def _encoder_for(cls: type, canonical: bool) -> Encoder:
    """The first rule that covers `cls`."""
    plain = _PLAIN.get(cls)
    if plain is not None:
        return plain
    array = arrays.encoder_for(cls)
    if array is not None:
        return array
    if issubclass(cls, enum.Enum):
        return _enum
    if issubclass(cls, files.Reference):
        return files.encode
    if issubclass(cls, pathlib.PurePath) and cls.__module__.split(".")[0] == "pathlib":
        return _path
    if issubclass(cls, BaseException):
        return exceptions.encode
    if models.is_model(cls):
        return models.encoder_for(cls, canonical)
    if _is_named_tuple(cls):
        return _named_tuple
    if dataclasses.is_dataclass(cls) and not issubclass(cls, _BUILTIN_CONTENT) and not _pickles_itself(cls):
        return _dataclass_encoder(cls)
    return _pickled


# -- classes of the user ---------------------------------------------------------------------------------------------


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple) and hasattr(cls, "_make")


def _pickles_itself(cls: type) -> bool:
    """Whether `cls` says how it is pickled; then fields alone are not what its author means."""
    own = {name: value for base in reversed(cls.__mro__[:-1]) for name, value in vars(base).items()}
    # Frozen dataclasses with slots get one from Python, which says the same as their fields.
    state_says_more = getattr(own.get("__getstate__"), "__name__", "_dataclass_getstate") != "_dataclass_getstate"
    return "__reduce__" in own or "__reduce_ex__" in own or state_says_more


def _dataclass_encoder(cls: type) -> Encoder:
    names = [field.name for field in dataclasses.fields(cls)]

    def encode(value: Any) -> Written:
        name = name_of(cls)
        if name is None:
            return None
        try:
            return tags.DATACLASS, [name, {field: getattr(value, field) for field in names}]
        except AttributeError as error:
            raise ValueError(f"a {cls.__qualname__} without one of its fields: {error}") from None

    return encode


def _dataclass(content: Any) -> Any:
    name, fields = content
    cls = class_named(name)
    if not dataclasses.is_dataclass(cls):
        raise ValueError(f"{name!r} is no dataclass here")
    known = {field.name for field in dataclasses.fields(cls)}
    if known != fields.keys():
        differing = ", ".join(sorted(map(str, known ^ fields.keys())))
        raise ValueError(f"a {name} whose fields are not those that the class has here; they differ in {differing}")
    made = object.__new__(cls)
    for field, value in fields.items():
        object.__setattr__(made, field, value)
    return made


def _enum(value: Any) -> Written:
    name = name_of(type(value))
    if name is None:
        return None
    word = value.name
    if word is not None and word in type(value).__members__:
        return tags.ENUM, [name, word]
    return tags.ENUM, [name, None, value.value]


def _enum_member(content: Any) -> Any:
    name, word, *value = content
    cls = class_named(name)
    if not issubclass(cls, enum.Enum):
        raise ValueError(f"{name!r} is no Enum here")
    if word is None:
        return cls(*value)
    try:
        return cls[word]
    except KeyError:
        raise ValueError(f"{name} has no member {word!r} here") from None


def _named_tuple(value: Any) -> Written:
    name = name_of(type(value))
    return None if name is None else (tags.NAMEDTUPLE, [name, list(value)])


def _make_named_tuple(content: Any) -> Any:
    name, items = content
    cls = class_named(name)
    if not _is_named_tuple(cls):
        raise ValueError(f"{name!r} is no NamedTuple here")
    return cls._make(items)


# -- the standard library's ------------------------------------------------------------------------------------------


def _path(value: Any) -> Written:
    kind = type(value).__name__
    if kind in ("PosixPath", "WindowsPath"):
        kind = "Path"
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return tags.PATH, [kind, text.encode(errors="surrogateescape")]
    return tags.PATH, [kind, text]


def _make_path(content: Any) -> Any:
    kind, text = content
    if kind not in ("Path", "PurePosixPath", "PureWindowsPath"):
        raise ValueError(f"{kind!r} is no kind of path")
    return getattr(pathlib, kind)(text if isinstance(text, str) else text.decode(errors="surrogateescape"))


def _memory(value: memoryview) -> Written:
    """Arrives as a bytearray."""
    return tags.BYTEARRAY, value.cast("B") if value.c_contiguous and value.nbytes else value.tobytes()


_PLAIN: Dict[type, Encoder] = {
    **times.ENCODERS,
    memoryview: _memory,
    decimal.Decimal: lambda value: (tags.DECIMAL, str(value)),
    complex: lambda value: (tags.COMPLEX, [value.real, value.imag]),
    uuid.UUID: lambda value: (tags.UUID, value.bytes) if value.is_safe is uuid.SafeUUID.unknown else None,
}


def _pickled(value: Any) -> Tuple[int, Any]:
    return tags.PICKLE, pickles.dumps(value)


# -- decoding --------------------------------------------------------------------------------------------------------

_DECODERS: Dict[int, Callable[[Any], Any]] = {
    **times.DECODERS,
    **arrays.DECODERS,
    **files.DECODERS,
    tags.UUID: lambda content: uuid.UUID(bytes=bytes(content)),
    tags.DECIMAL: decimal.Decimal,
    tags.COMPLEX: lambda content: complex(*content),
    tags.PATH: _make_path,
    tags.ENUM: _enum_member,
    tags.DATACLASS: _dataclass,
    tags.NAMEDTUPLE: _make_named_tuple,
    tags.MODEL: models.decode,
    tags.EXCEPTION: exceptions.decode,
    tags.PICKLE: pickles.loads,
}


def decode_hook(tag: int, content: Any) -> Any:
    """The object of `tag` and `content`. Raises ValueError for what is none, ClassNotFound without its class."""
    decoder = _DECODERS.get(tag)
    if decoder is None:
        raise ValueError(f"the tag {tag}, which has no meaning here")
    try:
        return decoder(content)
    except (TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"content that does not fit the tag {tag}: {type(error).__name__}: {error}") from error
