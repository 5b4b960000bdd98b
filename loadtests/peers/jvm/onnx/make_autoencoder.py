"""Writes src/main/resources/autoencoder.onnx: features → 16 → 8 → 16 → features, tanh, and each row's squared error.

Needs `pip install onnx==1.23.2 numpy==2.4.6`; the file is in the repository, so that a build needs neither. The weights
are seeded: what a model costs doesn't depend on them.
"""
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

FEATURES = 23
SIZES = (FEATURES, 16, 8, 16, FEATURES)

random = np.random.default_rng(7)
nodes, weights, last = [], [], "x"
for index, (m, n) in enumerate(zip(SIZES, SIZES[1:])):
    weights.append(numpy_helper.from_array(random.normal(0, m**-0.5, (m, n)).astype(np.float32), f"w{index}"))
    weights.append(numpy_helper.from_array(np.zeros(n, np.float32), f"b{index}"))
    nodes.append(helper.make_node("Gemm", [last, f"w{index}", f"b{index}"], [f"y{index}"]))
    last = f"y{index}"
    if index < len(SIZES) - 2:
        nodes.append(helper.make_node("Tanh", [last], [f"t{index}"]))
        last = f"t{index}"
nodes.append(helper.make_node("Sub", ["x", last], ["off"]))
weights.append(numpy_helper.from_array(np.array([1], np.int64), "axes"))
nodes.append(helper.make_node("ReduceSumSquare", ["off", "axes"], ["errors"], keepdims=0))
graph = helper.make_graph(
    nodes,
    "autoencoder",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", FEATURES])],
    [helper.make_tensor_value_info("errors", TensorProto.FLOAT, ["rows"])],
    weights,
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
checker.check_model(model)
save(model, Path(__file__).parent / "src/main/resources/autoencoder.onnx")
