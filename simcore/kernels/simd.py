"""SIMD vectors inside numba kernels: 64 bytes of lanes (16 float32 or 8 float64) that the compiler keeps in registers.

Numba cannot tell that arrays do not overlap, so loops over lanes with several arrays stay scalar. A vector value has no
such doubt: ``load`` it, compute with + - * / and the functions here, ``store`` it. Lane by lane the arithmetic is the
ordinary IEEE one, so a lane's result does not depend on its neighbours.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

VECTOR_BYTES = 64
_FLAGS = ("contract", "nsz")  # a product and a sum may become one fused operation, on every lane alike


def lanes_of(dtype: npt.DTypeLike) -> int:
    """Lanes of a vector of ``dtype``."""
    return VECTOR_BYTES // np.dtype(dtype).itemsize


class Vector(types.Type):
    """Numba type of a vector of ``element``."""

    def __init__(self, element: types.Float) -> None:
        self.element = element
        self.lanes = VECTOR_BYTES * 8 // element.bitwidth
        super().__init__(name=f"Vector({element} x {self.lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Vector) -> None:
        element = ir.FloatType() if fe_type.element.bitwidth == 32 else ir.DoubleType()
        super().__init__(dmm, fe_type, ir.VectorType(element, fe_type.lanes))


def _splat(builder: Any, scalar: Any, lanes: int) -> Any:
    vector = ir.VectorType(scalar.type, lanes)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def _pointer(context: Any, builder: Any, array_type: types.Array, array: Any, indices: list[Any]) -> Any:
    """Address of array[indices..., 0] (no negative indices)."""
    zero = context.get_constant(types.intp, 0)
    struct = context.make_array(array_type)(context, builder, array)
    return cgutils.get_item_pointer(context, builder, array_type, struct, [*indices, zero], wraparound=False)


def _index_types(array: Any, indices: Any) -> bool:
    return isinstance(array, types.Array) and array.ndim == len(indices) + 1 and array.layout == "C"


@intrinsic
def load(typingctx, array, indices):  # type: ignore[no-untyped-def]
    """Vector array[indices[0], ..., :] of a C array whose last axis is the lanes."""
    if not _index_types(array, indices):
        return None
    vector = Vector(array.dtype)

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        where = cgutils.unpack_tuple(builder, args[1], len(indices))
        where = [context.cast(builder, w, t, types.intp) for w, t in zip(where, indices, strict=True)]
        pointer = _pointer(context, builder, array, args[0], where)
        kind = context.get_value_type(vector)
        return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=array.dtype.bitwidth // 8, typ=kind)

    return vector(array, indices), codegen


@intrinsic
def store(typingctx, array, indices, value):  # type: ignore[no-untyped-def]
    """array[indices[0], ..., :] = value."""
    if not _index_types(array, indices) or not isinstance(value, Vector):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        where = cgutils.unpack_tuple(builder, args[1], len(indices))
        where = [context.cast(builder, w, t, types.intp) for w, t in zip(where, indices, strict=True)]
        pointer = _pointer(context, builder, array, args[0], where)
        kind = context.get_value_type(value)
        builder.store(args[2], builder.bitcast(pointer, kind.as_pointer()), align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, indices, value), codegen


@intrinsic
def full(typingctx, like, scalar):  # type: ignore[no-untyped-def]
    """Vector of the array ``like``'s type (or of a vector's) with ``scalar`` in every lane."""
    element = like.element if isinstance(like, Vector) else like.dtype
    vector = Vector(element)

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return _splat(builder, context.cast(builder, args[1], scalar, element), vector.lanes)

    return vector(like, scalar), codegen


def _binary(emit: Callable[[Any, Any, Any], Any]) -> Any:
    @intrinsic
    def operation(typingctx, a, b):  # type: ignore[no-untyped-def]
        if not (isinstance(a, Vector) and a == b):
            return None

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return emit(builder, args[0], args[1])

        return a(a, b), codegen

    return operation


def _fcmp_select(relation: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, a, b: builder.select(builder.fcmp_ordered(relation, a, b), a, b)


_add = _binary(lambda builder, a, b: builder.fadd(a, b, flags=_FLAGS))
_sub = _binary(lambda builder, a, b: builder.fsub(a, b, flags=_FLAGS))
_mul = _binary(lambda builder, a, b: builder.fmul(a, b, flags=_FLAGS))
_div = _binary(lambda builder, a, b: builder.fdiv(a, b, flags=_FLAGS))
minimum = _binary(_fcmp_select("<"))
maximum = _binary(_fcmp_select(">"))


def _unary(name: str) -> Any:
    """The LLVM function ``name``, lane by lane."""

    @intrinsic
    def operation(typingctx, a):  # type: ignore[no-untyped-def]
        if not isinstance(a, Vector):
            return None

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            kind = context.get_value_type(a)
            full_name = f"llvm.{name}.v{a.lanes}f{a.element.bitwidth}"
            function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), full_name)
            return builder.call(function, args)

        return a(a), codegen

    return operation


rint = _unary("rint")
"""The nearest whole number, ties to even, lane by lane."""
square_root = _unary("sqrt")
"""The square root, lane by lane."""


def _across(combine: Callable[[Any, Any, Any], Any]) -> Any:
    @intrinsic
    def reduction(typingctx, a):  # type: ignore[no-untyped-def]
        if not isinstance(a, Vector):
            return None

        def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
            value, lanes = args[0], a.lanes
            while lanes > 1:
                lanes //= 2
                halves = [
                    ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(first, first + lanes)))
                    for first in (0, lanes)
                ]
                low, high = (builder.shuffle_vector(value, value, half) for half in halves)
                value = combine(builder, low, high)
            return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

        return a.element(a), codegen

    return reduction


total = _across(lambda builder, a, b: builder.fadd(a, b))
largest = _across(_fcmp_select(">"))
"""The sum and the largest of all lanes: halves are combined lane by lane until one is left."""


@intrinsic
def where_greater(typingctx, a, b, yes, no):  # type: ignore[no-untyped-def]
    """yes where a > b, else no, lane by lane."""
    if not (isinstance(a, Vector) and a == b == yes == no):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])

    return a(a, b, yes, no), codegen


@intrinsic
def where_bits(typingctx, masks, indices, yes, no):  # type: ignore[no-untyped-def]
    """yes in the lanes whose bit is set in masks[indices...], an array of unsigned whole numbers of as many bits as
    there are lanes, else no."""
    fits = isinstance(masks, types.Array) and masks.ndim == len(indices) and masks.layout == "C"
    if not (
        fits and isinstance(yes, Vector) and yes == no and masks.dtype == types.Integer.from_bitwidth(yes.lanes, False)
    ):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        where = cgutils.unpack_tuple(builder, args[1], len(indices))
        where = [context.cast(builder, w, t, types.intp) for w, t in zip(where, indices, strict=True)]
        struct = context.make_array(masks)(context, builder, args[0])
        pointer = cgutils.get_item_pointer(context, builder, masks, struct, where, wraparound=False)
        bits = builder.bitcast(builder.load(pointer), ir.VectorType(ir.IntType(1), yes.lanes))
        return builder.select(bits, args[2], args[3])

    return yes(masks, indices, yes, no), codegen


@intrinsic
def any_greater(typingctx, a, b):  # type: ignore[no-untyped-def]
    """True if a > b in any lane."""
    if not (isinstance(a, Vector) and a == b):
        return None

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        mask = builder.fcmp_ordered(">", args[0], args[1])
        bits = builder.bitcast(mask, ir.IntType(a.lanes))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(a.lanes), 0))

    return types.boolean(a, b), codegen


def _overload_operator(symbol: Callable[[Any, Any], Any], vector_operation: Any) -> None:
    @overload(symbol)
    def _typed(a, b):  # type: ignore[no-untyped-def]
        if isinstance(a, Vector) and isinstance(b, Vector):
            return lambda a, b: vector_operation(a, b)
        if isinstance(a, Vector) and isinstance(b, types.Number):
            return lambda a, b: vector_operation(a, full(a, b))
        if isinstance(b, Vector) and isinstance(a, types.Number):
            return lambda a, b: vector_operation(full(b, a), b)
        return None


for _symbol, _operation in (
    (operator.add, _add), (operator.sub, _sub), (operator.mul, _mul), (operator.truediv, _div),
    (operator.iadd, _add), (operator.isub, _sub), (operator.imul, _mul),
):  # fmt: skip
    _overload_operator(_symbol, _operation)


@overload(abs)
def _absolute(a):  # type: ignore[no-untyped-def]
    if isinstance(a, Vector):
        return lambda a: maximum(a, full(a, 0.0) - a)
    return None
