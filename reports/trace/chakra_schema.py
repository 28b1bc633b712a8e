"""The messages of Chakra execution traces, described by field names and numbers.

Source: ``schema/protobuf/et_def.proto`` of Chakra, version of 2024-12 and later, by MLCommons, Apache License 2.0. Only
what is written here is described; a reader of the published schema reads it all, and a test does. They stand in a pool
of their own, so that they do not meet those of a package that has them, too.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ampsim.errors import UsageError

PACKAGE = "ChakraProtoMsg"
COMP_NODE, COMM_SEND_NODE, COMM_RECV_NODE = 4, 5, 6  # NodeType

_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "AttributeProto": (
        ("name", 1, "string"),
        ("double_val", 3, "double"),
        ("int32_val", 7, "int32"),
        ("int64_val", 9, "int64"),
        ("uint64_val", 13, "uint64"),
        ("bool_val", 27, "bool"),
        ("string_val", 29, "string"),
    ),
    "GlobalMetadata": (("version", 1, "string"), ("attr", 2, "AttributeProto*")),
    "Node": (
        ("id", 1, "uint64"),
        ("name", 2, "string"),
        ("type", 3, "NodeType"),
        ("ctrl_deps", 4, "uint64*"),
        ("data_deps", 5, "uint64*"),
        ("start_time_micros", 6, "uint64"),
        ("duration_micros", 7, "uint64"),
        ("attr", 10, "AttributeProto*"),
    ),
}
_NODE_TYPES = (("INVALID_NODE", 0), ("COMP_NODE", 4), ("COMM_SEND_NODE", 5), ("COMM_RECV_NODE", 6))
_ONEOF = "value"  # of AttributeProto: all its fields but the name


@cache
def messages() -> dict[str, Any]:
    """The classes by name. Raises UsageError where the package protobuf is missing."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise UsageError(
            "a Chakra trace needs the package protobuf, which is not here", str(error), "pip install 'ampsim[trace]'"
        ) from None
    fields = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="et_def.proto", package=PACKAGE, syntax="proto3")
    enum = file.enum_type.add(name="NodeType")
    for name, number in _NODE_TYPES:
        enum.value.add(name=name, number=number)
    for title, wanted in _MESSAGES.items():
        message = file.message_type.add(name=title)
        if title == "AttributeProto":
            message.oneof_decl.add(name=_ONEOF)
        for name, number, kind in wanted:
            field = message.field.add(name=name, number=number)
            field.label = fields.LABEL_REPEATED if kind.endswith("*") else fields.LABEL_OPTIONAL
            plain = kind.rstrip("*")
            if plain in _MESSAGES:
                field.type, field.type_name = fields.TYPE_MESSAGE, f".{PACKAGE}.{plain}"
            elif plain == enum.name:
                field.type, field.type_name = fields.TYPE_ENUM, f".{PACKAGE}.{plain}"
            else:
                field.type = fields.Type.Value(f"TYPE_{plain.upper()}")
            if title == "AttributeProto" and name != "name":
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _MESSAGES
    }
