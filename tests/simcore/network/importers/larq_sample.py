"""How ``larq_sample.zip`` was made: two small networks of Keras and larq with random weights, and what they give.

Run with TensorFlow 2.15, larq 0.13 and Keras 2.15 (none of them is needed for the tests)::

    python larq_sample.py larq_sample.zip

``tf2onnx_sample.onnx`` is the second of them (with other weights) as tf2onnx 1.17 exports it::

    tf2onnx.convert.from_keras(model, opset=13, inputs_as_nchw=["image"], output_path="tf2onnx_sample.onnx")
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np


def sequential(larq, layers, models):
    signs = {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign", "use_bias": False}
    depthwise = {"input_quantizer": "ste_sign", "depthwise_quantizer": "ste_sign", "use_bias": False}
    return models.Sequential(
        [
            layers.Conv2D(8, 3, strides=2, padding="same", input_shape=(12, 12, 3)),
            layers.BatchNormalization(scale=False),
            larq.layers.QuantConv2D(8, 3, padding="same", pad_values=1, kernel_constraint="weight_clip", **signs),
            layers.BatchNormalization(),
            larq.layers.QuantDepthwiseConv2D(3, strides=2, padding="same", pad_values=1.0, **depthwise),
            layers.BatchNormalization(center=False, epsilon=1e-4),
            layers.MaxPooling2D(2, 1),
            larq.layers.QuantConv2D(6, 2, input_quantizer="approx_sign", kernel_quantizer="magnitude_aware_sign"),
            layers.Flatten(),
            layers.BatchNormalization(),
            larq.layers.QuantDense(5, **signs),
            layers.BatchNormalization(),
            layers.Activation("softmax"),
        ]
    )


def functional(larq, layers, models):
    x = image = layers.Input((11, 11, 2), name="image")
    x = layers.ZeroPadding2D(((0, 1), (1, 0)))(x)
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    y = larq.layers.QuantConv2D(
        6, 3, padding="same", strides=2, input_quantizer="ste_sign", kernel_quantizer=larq.quantizers.SwishSign(),
        use_bias=False,
    )(x)  # fmt: skip
    y = layers.BatchNormalization()(y)
    s = layers.AveragePooling2D(2, 2, padding="same")(x)
    s = layers.Conv2D(6, 1, use_bias=False)(s)
    x = layers.Add()([y, s])
    z = larq.layers.QuantSeparableConv2D(
        6, 3, padding="same", input_quantizer="ste_sign", depthwise_quantizer="ste_sign",
        pointwise_quantizer="ste_sign", use_bias=False,
    )(x)  # fmt: skip
    z = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization()(z))
    x = layers.Concatenate()([x, z])
    x = layers.Dropout(0.3)(x)
    x = layers.Flatten()(x)
    return models.Model(image, layers.Dense(4, name="logits")(x))


def main(target: Path) -> None:
    import larq
    import tensorflow as tf

    layers = tf.keras.layers
    tf.random.set_seed(1)
    rng = np.random.default_rng(1)
    results = {}
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        for make in (sequential, functional):
            name, model = make.__name__, make(larq, layers, tf.keras.models)
            for variable in (v for layer in model.layers for v in layer.weights):
                if any(part in variable.name for part in ("gamma", "variance", "alpha")):
                    variable.assign(rng.uniform(0.5, 1.5, variable.shape))
                elif any(part in variable.name for part in ("beta", "mean", "bias")):
                    variable.assign(rng.normal(0, 0.5, variable.shape))
            file = Path(folder) / f"{name}.h5"
            model.save(file, include_optimizer=False)
            archive.write(file, file.name)
            results[f"{name}_inputs"] = inputs = rng.normal(size=(12, *model.input_shape[1:])).astype("float32")
            results[f"{name}_logits"] = model(inputs, training=False).numpy()
        np.savez(Path(folder) / "logits.npz", **results)
        archive.write(Path(folder) / "logits.npz", "logits.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
