"""Say for each kind of TensorFlow's nodes which ONNX nodes compute the same.

TensorFlow's definitions: its API documentation of `tf.raw_ops`; ONNX's: its operator schemas.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from faceoff.inference.tfjs.graph import FLOATS, INTEGERS, Graph, Node, split
from faceoff.inference.tfjs.onnx_graph import Builder
from faceoff.inference.tfjs.weights import TfjsError

Operation = Callable[[Builder, Node], str | Sequence[str]]

_END = np.iinfo(np.int64).max  # a slice's end that is beyond any side
_TO_FIRST, _TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def to_onnx(graph: Graph, outputs: dict[str, str]) -> bytes:
    """Return the part of a graph that these outputs need, as an ONNX file.

    outputs: the outputs' names in ONNX -> references to nodes. Raises TfjsError naming the file,
    the node and its kind.
    """
    builder = Builder(graph)
    for name in _in_order(graph, [split(reference)[0] for reference in outputs.values()]):
        node = graph.nodes[name]
        builder.begin(node)
        if node.kind not in OPERATIONS:
            raise builder.error(
                f"nodes of this kind are not supported; supported: {', '.join(sorted(OPERATIONS))}"
            )
        if missing := builder.missing(node):
            raise builder.error(f"its input {missing!r} has no such value")
        made = OPERATIONS[node.kind](builder, node)
        builder.define(node, [made] if isinstance(made, str) else made)
    return builder.finish(outputs)


def _in_order(graph: Graph, outputs: Sequence[str]) -> list[str]:
    """Return the nodes that outputs depend on, each after its inputs, without recursion."""
    ordered: list[str] = []
    state: dict[str, bool] = {}  # whether a node that was begun is done
    todo = [(name, "") for name in reversed(outputs)]
    while todo:
        name, user = todo[-1]
        if name not in graph.nodes:
            raise TfjsError(
                f"{graph.source}: node {user!r} takes its input from {name!r}, which is no node"
            )
        if state.get(name) is None:
            state[name] = False
            sources = [split(one)[0] for one in graph.nodes[name].inputs]
            if circle := next((one for one in sources if state.get(one) is False), None):
                raise TfjsError(
                    f"{graph.source}: node {circle!r} takes its own output, by node {name!r}; "
                    "loops are not supported"
                )
            todo += [(one, name) for one in sources if one not in state]
            continue
        todo.pop()
        if not state[name]:
            state[name] = True
            ordered.append(name)
    return ordered


# -- input and constants ---------------------------------------------------------------------------


def _placeholder(b: Builder, node: Node) -> str:
    kind = node.options.get("dtype", "DT_FLOAT")
    if kind not in (*FLOATS, *INTEGERS):
        raise b.error(f"takes {kind}, which are no pictures")
    pixels = b.placeholder(node, node.options.get("shape"))
    # cards give float32; where whole numbers are wanted, theirs are whole (divisor: 1)
    return pixels if kind in FLOATS else b.emit("Cast", pixels, to=TensorProto.INT64)


def _const(b: Builder, node: Node) -> str:
    return b.array(b.graph.tensors[node.name])


# -- elementwise -----------------------------------------------------------------------------------


def _same(kind: str, **options: Any) -> Operation:
    """Return the operation that is one ONNX node of the same inputs."""
    return lambda b, node: b.emit(kind, *b.inputs(), **options)


def _first(b: Builder, node: Node) -> str:
    return b.input(0)


def _chain(*kinds: str) -> Operation:
    """Return the operation that applies these ONNX nodes to its input in turn."""

    def run(b: Builder, node: Node) -> str:
        value = b.input(0)
        for kind in kinds:
            value = b.emit(kind, value)
        return value

    return run


def _relu6(b: Builder, value: str) -> str:
    return b.emit("Clip", value, b.array(0.0), b.array(6.0))


def _square(b: Builder, value: str) -> str:
    return b.emit("Mul", value, value)


def _not_equal(b: Builder, node: Node) -> str:
    return b.emit("Not", b.emit("Equal", b.input(0), b.input(1)))


def _log1p(b: Builder, node: Node) -> str:
    return b.emit("Log", b.emit("Add", b.input(0), b.array(1.0)))


def _expm1(b: Builder, node: Node) -> str:
    return b.emit("Sub", b.emit("Exp", b.input(0)), b.array(1.0))


def _clip(b: Builder, node: Node) -> str:
    return b.emit("Min", b.emit("Max", b.input(0), b.input(1)), b.input(2))


def _divided_or_nothing(b: Builder, node: Node) -> str:
    """Divide; what is divided by nothing is nothing."""
    nothing = b.emit("Equal", b.input(1), b.array(0.0))
    return b.emit("Where", nothing, b.array(0.0), b.emit("Div", b.input(0), b.input(1)))


def _is_whole(node: Node) -> bool:
    return node.options.get("T") in INTEGERS


def _floor_div(b: Builder, node: Node) -> str:
    if not _is_whole(node):
        return b.emit("Floor", b.emit("Div", b.input(0), b.input(1)))
    wide = [b.emit("Cast", b.input(n), to=TensorProto.DOUBLE) for n in (0, 1)]
    return b.emit("Cast", b.emit("Floor", b.emit("Div", *wide)), to=TensorProto.INT64)


def _floor_mod(b: Builder, node: Node) -> str:
    if _is_whole(node):
        return b.emit("Mod", b.input(0), b.input(1))
    whole = b.emit("Floor", b.emit("Div", b.input(0), b.input(1)))
    return b.emit("Sub", b.input(0), b.emit("Mul", whole, b.input(1)))


def _cast(b: Builder, node: Node) -> str:
    wanted = node.options.get("DstT")
    if wanted in FLOATS:
        return b.emit("Cast", b.input(0), to=TensorProto.FLOAT)
    if wanted in INTEGERS:
        return b.emit("Cast", b.input(0), to=TensorProto.INT64)
    if wanted == "DT_BOOL":
        return b.emit("Cast", b.input(0), to=TensorProto.BOOL)
    raise b.error(f"casts to {wanted!r}, which is not supported")


_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}


def _activation(b: Builder, kind: str, value: str, slopes: str | None) -> str:
    """Apply an activation that a fused node names."""
    if kind == "Relu6":
        return _relu6(b, value)
    if kind == "LeakyRelu":
        return b.emit("LeakyRelu", value, alpha=b.option("leakyrelu_alpha", float, 0.2))
    if kind == "Prelu" and slopes is not None:
        return b.emit("PRelu", value, slopes)
    if kind in ("Relu", "Elu", "Sigmoid", "Tanh"):
        return b.emit(kind, value)
    raise b.error(f"{kind!r} in its fused_ops is not supported")


# -- convolution and pooling -----------------------------------------------------------------------


def _channels_first(b: Builder) -> bool:
    layout = b.option("data_format", str, "NHWC")
    if layout not in ("NHWC", "NCHW"):
        raise b.error(f"data_format {layout!r} is not supported")
    return layout == "NCHW"


def _planes(b: Builder, value: str) -> str:
    """Return a node's pictures with their channels first."""
    return value if _channels_first(b) else b.emit("Transpose", value, perm=_TO_FIRST)


def _pictures(b: Builder, value: str) -> str:
    """Return planes in the node's own order."""
    return value if _channels_first(b) else b.emit("Transpose", value, perm=_TO_LAST)


def _pair(b: Builder, name: str, default: list[int] | None = None) -> list[int]:
    """Return an option of four numbers as [height, width]; the others must be 1."""
    four = b.option(name, list, default)
    if four is None or len(four) != 4 or any(type(one) is not int or one < 1 for one in four):
        raise b.error(f"attr {name!r} is {four!r}: four numbers from 1 on are needed")
    kept = four[2:] if _channels_first(b) else four[1:3]
    if four[0] != 1 or four[1 if _channels_first(b) else 3] != 1:
        raise b.error(f"attr {name!r} is {four!r}: only height and width may differ from 1")
    return kept


def _border(
    b: Builder, kernel: Sequence[int] | None, stride: list[int], dilation: list[int]
) -> dict[str, Any]:
    """Return ONNX's options for a node's padding.

    kernel: its height and width where the padding depends on them.
    """
    padding = b.option("padding", str, "VALID")
    if padding == "VALID":
        return {"auto_pad": "VALID"}
    if padding == "SAME" and dilation == [1, 1]:
        return {"auto_pad": "SAME_UPPER"}
    if padding == "SAME" and stride == [1, 1] and kernel is not None:
        # onnxruntime has no automatic border for dilated kernels; this one is of any size's
        total = [(side - 1) * step for side, step in zip(kernel, dilation, strict=True)]
        return {"pads": [*(side // 2 for side in total), *(side - side // 2 for side in total)]}
    if padding == "EXPLICIT":
        eight = b.option("explicit_paddings", list, [])
        first = 4 if _channels_first(b) else 2
        if len(eight) == 8 and all(type(one) is int and one >= 0 for one in eight):
            top, bottom, left, right = eight[first : first + 4]
            if sum(eight) == top + bottom + left + right:
                return {"pads": [top, left, bottom, right]}
        raise b.error(f"explicit_paddings {eight!r} is no border of height and width")
    raise b.error(
        f"padding {padding!r} with strides {stride} and dilations {dilation} is not supported"
    )


def _kernel(b: Builder, order: list[int], what: str) -> tuple[str, tuple[int, ...]]:
    """Return a node's constant kernel with its axes in another order, and its own shape."""
    values = b.constant(1, what)
    if values.ndim != 4 or values.dtype.kind != "f":
        raise b.error(f"its {what} is {values.dtype} {list(values.shape)}, 4 sides are needed")
    return b.array(values.transpose(order)), values.shape


def _conv(b: Builder, node: Node) -> str:
    stride, dilation = _pair(b, "strides"), _pair(b, "dilations", [1, 1, 1, 1])
    if "Depthwise" in node.kind:
        values = b.constant(1, "kernel")
        if values.ndim != 4:
            raise b.error(f"its kernel is {list(values.shape)}, 4 sides are needed")
        height, width, groups, times = values.shape
        # Channel g * times + m is made from channel g.
        weight = b.array(values.transpose(2, 3, 0, 1).reshape(groups * times, 1, height, width))
    else:
        groups = 1
        weight, (height, width, *_) = _kernel(b, [3, 2, 0, 1], "kernel")
    steps = b.option("fused_ops", list, [])
    biased = steps[:1] == ["BiasAdd"]  # onnxruntime adds it while it computes
    made = b.emit(
        "Conv",
        _planes(b, b.input(0)),
        weight,
        *([b.input(2)] if biased else []),
        strides=stride,
        dilations=dilation,
        group=groups,
        kernel_shape=[height, width],
        **_border(b, (height, width), stride, dilation),
    )
    more = b.inputs()[2 + biased :]
    return _fused(b, _pictures(b, made), steps[int(biased) :], more)


def _conv_transpose(b: Builder, node: Node) -> str:
    """Compute a convolution's gradient: each pixel puts a kernel into a larger picture."""
    if _channels_first(b) or _pair(b, "dilations", [1, 1, 1, 1]) != [1, 1]:
        raise b.error("only channels last and dilations of 1 are supported")
    stride, padding = _pair(b, "strides"), b.option("padding", str, "VALID")
    weight, (height, width, *_) = _kernel(b, [3, 2, 0, 1], "kernel")
    if padding not in ("SAME", "VALID"):
        raise b.error(f"padding {padding!r} is not supported")
    over = [side - step for side, step in zip((height, width), stride, strict=True)]
    cut = [max(one, 0) if padding == "SAME" else 0 for one in over]
    made = b.emit(
        "ConvTranspose",
        b.emit("Transpose", b.input(2), perm=_TO_FIRST),
        weight,
        strides=stride,
        pads=[*(one // 2 for one in cut), *(one - one // 2 for one in cut)],
        output_padding=[max(-one, 0) for one in over],
    )
    made = b.emit("Transpose", made, perm=_TO_LAST)
    # The node states the size; another one than the usual fails here or gives another batch.
    sides = b.emit("Slice", b.input(0), b.array([1]), b.array([4]))
    return b.emit("Reshape", made, b.emit("Concat", b.array([-1]), sides, axis=0))


def _fused(b: Builder, value: str, steps: Sequence[str], inputs: Sequence[str]) -> str:
    """Apply what a fused node does after its product: bias or normalisation, and activation.

    steps: from its fused_ops. inputs: what they take, in their order.
    """
    more = iter(inputs)
    for step in steps:
        try:
            if step == "BiasAdd":
                value = b.emit("Add", value, _along_channels(b, next(more)))
            elif step == "FusedBatchNorm":
                four = [next(more) for _ in range(4)]
                value = _normalised(b, value, four)
            else:
                value = _activation(b, step, value, next(more) if step == "Prelu" else None)
        except StopIteration:
            raise b.error(f"its inputs are too few for fused_ops {list(steps)}") from None
    return value


def _along_channels(b: Builder, vector: str) -> str:
    """Return one number a channel so that it spreads over a node's pictures."""
    return b.emit("Unsqueeze", vector, b.array([1, 2])) if _channels_first(b) else vector


def _normalised(b: Builder, value: str, four: Sequence[str]) -> str:
    """Normalise pictures by scale, offset, mean and variance, one of each a channel."""
    made = b.emit(
        "BatchNormalization", _planes(b, value), *four, epsilon=b.option("epsilon", float, 1e-4)
    )
    return _pictures(b, made)


def _batch_norm(b: Builder, node: Node) -> str:
    # The default is true: a graph that was frozen for inference says false.
    if b.option("is_training", bool, False):
        raise b.error("normalises by the batch itself (is_training), which is for training only")
    return _normalised(b, b.input(0), [b.input(number) for number in range(1, 5)])


def _bias_add(b: Builder, node: Node) -> str:
    return b.emit("Add", b.input(0), _along_channels(b, b.input(1)))


def _pool(kind: str) -> Operation:
    def run(b: Builder, node: Node) -> str:
        size, stride = _pair(b, "ksize"), _pair(b, "strides")
        border = _border(b, None, stride, [1, 1])
        made = b.emit(
            kind, _planes(b, b.input(0)), kernel_shape=size, strides=stride, **border
        )  # the border counts neither for ONNX nor for TensorFlow
        return _pictures(b, made)

    return run


def _local_response(b: Builder, node: Node) -> str:
    size = 2 * b.option("depth_radius", int, 5) + 1
    made = b.emit(
        "LRN",
        _planes(b, b.input(0)),
        size=size,
        bias=b.option("bias", float, 1.0),
        alpha=b.option("alpha", float, 1.0) * size,  # ONNX divides it by the size
        beta=b.option("beta", float, 0.5),
    )
    return _pictures(b, made)


def _resize(mode: str) -> Operation:
    def run(b: Builder, node: Node) -> str:
        corners = b.option("align_corners", bool, False)
        centres = b.option("half_pixel_centers", bool, False)
        where = "align_corners" if corners else "half_pixel" if centres else "asymmetric"
        planes = b.emit("Transpose", b.input(0), perm=_TO_FIRST)
        sides = b.emit("Slice", b.emit("Shape", planes), b.array([0]), b.array([2]))
        made = b.emit(
            "Resize",
            planes,
            "",
            "",
            b.emit("Concat", sides, b.input(1), axis=0),
            mode=mode,
            coordinate_transformation_mode=where,
            # TensorFlow rounds corners half up and cuts the rest off; half_pixel is less by a half
            nearest_mode=None
            if mode == "linear"
            else ("floor" if where == "asymmetric" else "round_prefer_ceil"),
        )
        return b.emit("Transpose", made, perm=_TO_LAST)

    return run


def _depth_to_space(kind: str) -> Operation:
    def run(b: Builder, node: Node) -> str:
        size = b.option("block_size", int, 2)
        return _pictures(b, b.emit(kind, _planes(b, b.input(0)), blocksize=size))

    return run


# -- products --------------------------------------------------------------------------------------


def _mat_mul(b: Builder, node: Node) -> str:
    sides = []
    for number, key in enumerate(("a", "b")):
        turned = b.option(f"transpose_{key}", bool, False)
        value = b.input(number)
        sides.append(b.emit("Transpose", value, perm=[1, 0]) if turned else value)
    return _fused(b, b.emit("MatMul", *sides), b.option("fused_ops", list, []), b.inputs()[2:])


def _batch_mat_mul(b: Builder, node: Node) -> str:
    sides = []
    for number, key in enumerate(("x", "y")):
        turned = b.option(f"adj_{key}", bool, False)
        value = b.input(number)
        sides.append(b.emit("Einsum", value, equation="...ij->...ji") if turned else value)
    return b.emit("MatMul", *sides)


def _einsum(b: Builder, node: Node) -> str:
    return b.emit("Einsum", *b.inputs(), equation=b.option("equation", str, ""))


# -- reductions ------------------------------------------------------------------------------------


def _reduce(kind: str) -> Operation:
    def run(b: Builder, node: Node) -> str:
        axes = b.emit("Reshape", b.input(1), b.array([-1]))
        if (known := b.known(b.input(1))) is not None:
            axes = b.array(known.reshape(-1))
        kept = b.option("keep_dims", bool, b.option("keepdims", bool, False))
        return b.emit(kind, b.input(0), axes, keepdims=int(kept), noop_with_empty_axes=1)

    return run


def _arg(kind: str) -> Operation:
    def run(b: Builder, node: Node) -> str:
        return b.emit(kind, b.input(0), axis=_axis(b, 1), keepdims=0)

    return run


# -- shapes ----------------------------------------------------------------------------------------


def _axis(b: Builder, number: int) -> int:
    axes = b.whole(number, "axis")
    if len(axes) != 1:
        raise b.error(f"its axis is {axes}, one number is needed")
    return axes[0]


def _reshape(b: Builder, node: Node) -> str:
    wanted = b.known(b.input(1))
    # ONNX takes a 0 for "as it was", TensorFlow for no values
    zero = wanted is not None and (wanted == 0).any()
    return b.emit("Reshape", b.input(0), b.input(1), allowzero=int(zero) or None)


def _squeeze(b: Builder, node: Node) -> str:
    axes = b.option("squeeze_dims", list, b.option("axis", list, []))
    return b.emit("Squeeze", b.input(0), *([b.array(axes)] if axes else []))


def _expand_dims(b: Builder, node: Node) -> str:
    return b.emit("Unsqueeze", b.input(0), b.array([_axis(b, 1)]))


def _transpose(b: Builder, node: Node) -> str:
    return b.emit("Transpose", b.input(0), perm=b.whole(1, "order of axes"))


def _concat(b: Builder, node: Node) -> str:
    last = node.kind == "ConcatV2"
    values = b.inputs()[:-1] if last else b.inputs()[1:]
    return b.emit("Concat", *values, axis=_axis(b, -1 if last else 0))


def _pack(b: Builder, node: Node) -> str:
    axis = b.option("axis", int, 0)
    return b.emit(
        "Concat", *(b.emit("Unsqueeze", one, b.array([axis])) for one in b.inputs()), axis=axis
    )


def _unpack(b: Builder, node: Node) -> list[str]:
    axis, count = b.option("axis", int, 0), b.option("num", int, 0)
    if count < 1:
        raise b.error(f"attr 'num' is {count}")
    parts = b.emit_several(count, "Split", b.input(0), axis=axis, num_outputs=count)
    return [b.emit("Squeeze", part, b.array([axis])) for part in parts]


def _split(b: Builder, node: Node) -> list[str]:
    count = b.option("num_split", int, 0)
    if count < 1:
        raise b.error(f"attr 'num_split' is {count}")
    return b.emit_several(count, "Split", b.input(1), axis=_axis(b, 0), num_outputs=count)


def _split_by_sizes(b: Builder, node: Node) -> list[str]:
    sizes, axis = b.whole(1, "sizes"), _axis(b, 2)
    if min(sizes, default=-1) < -1 or sizes.count(-1) > 1:
        raise b.error(f"its sizes are {sizes}")
    parts = []
    for number, size in enumerate(sizes):
        # what follows the one of unknown size is counted from the end
        begin = sum(sizes[:number]) if -1 not in sizes[:number] else -sum(sizes[number:])
        rest = sum(sizes[number + 1 :])
        ends = begin + size if begin >= 0 and size >= 0 else (-rest if rest else _END)
        parts.append(_sliced(b, b.input(0), [begin], [ends], [axis], [1]))
    return parts


def _sliced(
    b: Builder,
    value: str,
    begins: Sequence[int],
    ends: Sequence[int],
    axes: Sequence[int],
    steps: Sequence[int],
) -> str:
    return b.emit("Slice", value, *(b.array(one, np.int64) for one in (begins, ends, axes, steps)))


def _slice(b: Builder, node: Node) -> str:
    begins, sizes = b.whole(1, "begin"), b.whole(2, "size")
    if len(begins) != len(sizes):
        raise b.error(f"its begin is {begins}, its size {sizes}")
    ends = [_END if size == -1 else begin + size for begin, size in zip(begins, sizes, strict=True)]
    return _sliced(b, b.input(0), begins, ends, range(len(begins)), [1] * len(begins))


def _strided_slice(b: Builder, node: Node) -> str:
    begins, ends, steps = (b.whole(n, what) for n, what in enumerate(("begin", "end", "steps"), 1))
    if not len(begins) == len(ends) == len(steps) or 0 in steps:
        raise b.error(f"its begin is {begins}, its end {ends}, its steps {steps}")
    mask = {
        key: b.option(f"{key}_mask", int, 0)
        for key in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    entries = [
        {key for key in mask if mask[key] >> number & 1} | {number} for number in range(len(begins))
    ]
    dots = next((n for n, entry in enumerate(entries) if "ellipsis" in entry), len(entries))
    cut: list[tuple[int, int, int, int]] = []  # begin, end, axis, step
    gone: list[int] = []  # axes to be removed
    new: list[int] = []  # axes to be put in, as they stand in the result

    def take(numbers: Sequence[int], from_end: bool) -> None:
        """Walk over entries outwards in; axes are counted from the start or from the end."""
        axis = place = 0
        for number in numbers:
            entry = entries[number]
            if "new_axis" in entry:
                new.append(-1 - place if from_end else place)
                place += 1
                continue
            where = -1 - axis if from_end else axis
            begin, end, step = begins[number], ends[number], steps[number]
            axis += 1
            if "shrink_axis" in entry:
                cut.append((begin, begin + 1 if begin != -1 else _END, where, 1))
                gone.append(where)
                continue
            if "begin" in entry:
                begin = 0 if step > 0 else _END
            if "end" in entry:
                end = _END if step > 0 else -_END
            cut.append((begin, end, where, step))
            place += 1

    take(range(dots), False)
    take(range(len(entries) - 1, dots, -1), True)
    value = b.input(0)
    if cut:
        value = _sliced(b, value, *(list(column) for column in zip(*cut, strict=True)))
    if gone:
        value = b.emit("Squeeze", value, b.array(gone))
    return b.emit("Unsqueeze", value, b.array(new)) if new else value


def _gather(b: Builder, node: Node) -> str:
    if b.option("batch_dims", int, 0):
        raise b.error("batch_dims is not supported")
    axis = _axis(b, 2) if node.kind == "GatherV2" else 0
    return b.emit("Gather", b.input(0), b.input(1), axis=axis)


def _top(b: Builder, node: Node) -> list[str]:
    count = b.emit("Reshape", b.input(1), b.array([1]))
    return b.emit_several(2, "TopK", b.input(0), count, axis=-1, largest=1, sorted=1)


def _fill(b: Builder, node: Node) -> str:
    return b.emit("Expand", b.input(1), b.input(0))


def _filled_like(number: int) -> Operation:
    def run(b: Builder, node: Node) -> str:
        value = b.array(number, np.int64 if _is_whole(node) else np.float32)
        return b.emit("Expand", value, b.emit("Shape", b.input(0)))

    return run


def _pad(b: Builder, node: Node) -> str:
    # TensorFlow has (axis, before and after), ONNX all befores and then all afters
    wanted = b.known(b.input(1))
    if wanted is None:
        turned = b.emit("Transpose", b.input(1), perm=[1, 0])
        pads = b.emit("Reshape", turned, b.array([-1]))
    elif wanted.ndim != 2 or wanted.shape[1] != 2:
        raise b.error(f"its paddings have the shape {list(wanted.shape)}")
    else:
        pads = b.array(wanted.T.reshape(-1))
    return b.emit("Pad", b.input(0), pads, *([b.input(2)] if node.kind == "PadV2" else []))


def _mirror_pad(b: Builder, node: Node) -> str:
    """Continue as in a mirror, by slices that run backwards; ONNX has one of the two kinds only."""
    wanted, mode = b.constant(1, "paddings"), b.option("mode", str, "")
    if mode not in ("REFLECT", "SYMMETRIC") or wanted.ndim != 2 or wanted.shape[1] != 2:
        raise b.error(f"mode {mode!r} with paddings {wanted.tolist()} is not supported")
    edge = int(mode == "REFLECT")  # the outermost values are not repeated
    value = b.input(0)
    for axis, (before, after) in enumerate(wanted.tolist()):
        parts = [value]
        if before:
            end = edge - 1 if edge else -_END
            parts.insert(0, _sliced(b, value, [before - 1 + edge], [end], [axis], [-1]))
        if after:
            parts.append(_sliced(b, value, [-1 - edge], [-1 - edge - after], [axis], [-1]))
        value = b.emit("Concat", *parts, axis=axis) if len(parts) > 1 else value
    return value


OPERATIONS: dict[str, Operation] = {
    "Placeholder": _placeholder,
    "Const": _const,
    **dict.fromkeys(
        (
            "Identity",
            "StopGradient",
            "PreventGradient",
            "Snapshot",
            "CheckNumerics",
            "PlaceholderWithDefault",
        ),
        _first,
    ),
    "IdentityN": lambda b, node: b.inputs(),
    **dict.fromkeys(("Add", "AddV2"), _same("Add")),
    "AddN": _same("Sum"),
    "Sub": _same("Sub"),
    "Mul": _same("Mul"),
    **dict.fromkeys(("RealDiv", "Div"), _same("Div")),
    "DivNoNan": _divided_or_nothing,
    "FloorDiv": _floor_div,
    "FloorMod": _floor_mod,
    "Pow": _same("Pow"),
    "Maximum": _same("Max"),
    "Minimum": _same("Min"),
    "SquaredDifference": lambda b, node: _square(b, b.emit("Sub", b.input(0), b.input(1))),
    "Equal": _same("Equal"),
    "NotEqual": _not_equal,
    "Greater": _same("Greater"),
    "GreaterEqual": _same("GreaterOrEqual"),
    "Less": _same("Less"),
    "LessEqual": _same("LessOrEqual"),
    "LogicalAnd": _same("And"),
    "LogicalOr": _same("Or"),
    "LogicalNot": _same("Not"),
    **dict.fromkeys(("Select", "SelectV2"), _same("Where")),
    "Relu": _same("Relu"),
    "Relu6": lambda b, node: _relu6(b, b.input(0)),
    "Elu": _same("Elu"),
    "Selu": _same("Selu", **_SELU),
    "LeakyRelu": lambda b, node: b.emit(
        "LeakyRelu", b.input(0), alpha=b.option("alpha", float, 0.2)
    ),
    "Prelu": _same("PRelu"),
    "Sigmoid": _same("Sigmoid"),
    "Tanh": _same("Tanh"),
    "Softmax": _same("Softmax", axis=-1),
    "LogSoftmax": _same("LogSoftmax", axis=-1),
    "Softplus": _same("Softplus"),
    "Softsign": _same("Softsign"),
    "Exp": _same("Exp"),
    "Expm1": _expm1,
    "Log": _same("Log"),
    "Log1p": _log1p,
    "Sqrt": _same("Sqrt"),
    "Rsqrt": _chain("Sqrt", "Reciprocal"),
    "Square": lambda b, node: _square(b, b.input(0)),
    **dict.fromkeys(("Reciprocal", "Inv"), _same("Reciprocal")),
    "Neg": _same("Neg"),
    "Abs": _same("Abs"),
    "Sign": _same("Sign"),
    "Floor": _same("Floor"),
    "Ceil": _same("Ceil"),
    **dict.fromkeys(("Round", "Rint"), _same("Round")),
    "Erf": _same("Erf"),
    "Sin": _same("Sin"),
    "Cos": _same("Cos"),
    "ClipByValue": _clip,
    "Cast": _cast,
    **dict.fromkeys(
        (
            "Conv2D",
            "_FusedConv2D",
            "FusedConv2D",
            "DepthwiseConv2dNative",
            "_FusedDepthwiseConv2dNative",
            "FusedDepthwiseConv2dNative",
            "DepthwiseConv2d",
        ),
        _conv,
    ),
    "Conv2DBackpropInput": _conv_transpose,
    "BiasAdd": _bias_add,
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), _batch_norm),
    "MaxPool": _pool("MaxPool"),
    "AvgPool": _pool("AveragePool"),
    "LRN": _local_response,
    "ResizeBilinear": _resize("linear"),
    "ResizeNearestNeighbor": _resize("nearest"),
    "DepthToSpace": _depth_to_space("DepthToSpace"),
    "SpaceToDepth": _depth_to_space("SpaceToDepth"),
    **dict.fromkeys(("MatMul", "_FusedMatMul", "FusedMatMul"), _mat_mul),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2"), _batch_mat_mul),
    "Einsum": _einsum,
    "Mean": _reduce("ReduceMean"),
    "Sum": _reduce("ReduceSum"),
    "Max": _reduce("ReduceMax"),
    "Min": _reduce("ReduceMin"),
    "Prod": _reduce("ReduceProd"),
    "ArgMax": _arg("ArgMax"),
    "ArgMin": _arg("ArgMin"),
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "ExpandDims": _expand_dims,
    "Transpose": _transpose,
    **dict.fromkeys(("Concat", "ConcatV2"), _concat),
    "Pack": _pack,
    "Unpack": _unpack,
    "Split": _split,
    "SplitV": _split_by_sizes,
    "Slice": _slice,
    "StridedSlice": _strided_slice,
    **dict.fromkeys(("Gather", "GatherV2"), _gather),
    "GatherNd": _same("GatherND"),
    "TopKV2": _top,
    "Shape": _same("Shape"),
    "Rank": lambda b, node: b.emit(
        "Squeeze", b.emit("Shape", b.emit("Shape", b.input(0))), b.array([0])
    ),
    "Size": _same("Size"),
    "Fill": _fill,
    "ZerosLike": _filled_like(0),
    "OnesLike": _filled_like(1),
    "BroadcastTo": _same("Expand"),
    "Tile": _same("Tile"),
    "Range": _same("Range"),
    **dict.fromkeys(("Pad", "PadV2"), _pad),
    "MirrorPad": _mirror_pad,
}
