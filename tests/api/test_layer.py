"""The base class of layers: weights, tracking, calls, configuration."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import graphnn
from graphnn import layers, ops

X = np.arange(6, dtype="float32").reshape(2, 3)


class Affine(layers.Layer):
    """x * w + b with one weight that is not trained."""

    def __init__(self, scale: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def build(self, input_shape: Any) -> None:
        self.moving = self.add_weight(shape=(), initializer="ones", trainable=False, name="moving")
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w", regularizer="l2")
        self.b = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="b")

    def call(self, x: Any) -> Any:
        return x * self.w * self.scale + self.b


class Pair(layers.Layer):
    """Layers in a list and a dictionary."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.several = [Affine(name="one"), {"two": Affine(name="two")}]

    def call(self, x: Any) -> Any:
        return self.several[1]["two"](self.several[0](x))


def test_weights_are_made_when_called_and_listed_trainable_first() -> None:
    layer = Affine(2.0, name="a")
    assert not layer.built and layer.weights == []
    assert layer(X).tolist() == (2 * X).tolist()
    assert layer.built
    assert [v.path for v in layer.weights] == ["a/w", "a/b", "a/moving"]
    assert [v.name for v in layer.trainable_weights] == ["w", "b"]
    assert [v.name for v in layer.non_trainable_weights] == ["moving"]
    assert layer.count_params() == 7


def test_buffers_are_aligned_and_written_in_place() -> None:
    layer = Affine()
    layer(X)
    before = layer.w.array
    assert before.ctypes.data % 64 == 0
    layer.w.assign([3.0, 4.0, 5.0])
    assert layer.w.array is before and before.tolist() == [3.0, 4.0, 5.0]
    assert layer(X)[1].tolist() == [9.0, 16.0, 25.0]


def test_sublayers_in_containers_are_tracked_and_named_by_path() -> None:
    layer = Pair(name="pair")
    layer(X)
    assert [v.path for v in layer.weights][:4] == ["pair/one/w", "pair/one/b", "pair/one/moving", "pair/two/w"]
    layer.several.append(Affine())
    assert len(layer._flatten_layers()) == 4


def test_trainable_reaches_sublayers() -> None:
    layer = Pair()
    layer(X)
    layer.trainable = False
    assert layer.trainable_weights == [] and not layer.several[0].trainable
    assert len(layer.non_trainable_weights) == 6
    layer.trainable = True
    assert [v.name for v in layer.trainable_weights] == ["w", "b", "w", "b"]
    layer.several[0].trainable = False
    assert len(layer.trainable_weights) == 2


def test_variables_set_as_attributes_are_weights() -> None:
    class Counter(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.count = graphnn.Variable(0.0, trainable=False, name="count")

        def call(self, x: Any) -> Any:
            self.count.assign_add(1.0)
            return x + self.count

    layer = Counter()
    layer(X)
    assert layer(X)[0, 0] == 2.0
    assert layer.count.numpy() == 2.0
    assert layer.weights == [layer.count]


def test_missing_super_init_is_named() -> None:
    class Bad(layers.Layer):
        def __init__(self) -> None:
            self.size = 1

    with pytest.raises(RuntimeError, match=r"Bad.*super"):
        Bad()(X)


def test_unknown_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"Unrecognized keyword arguments passed to Affine: {'foo': 3}"):
        Affine(foo=3)
    with pytest.raises(ValueError, match=r"trainable"):
        Affine(trainable="yes")
    with pytest.raises(ValueError, match=r"name"):
        Affine(name="a/b")


def test_set_weights_is_all_or_nothing() -> None:
    layer = Affine(name="a")
    layer(X)
    with pytest.raises(ValueError, match=r"'a' with a weight list of length 1, but the layer was expecting 3"):
        layer.set_weights([np.ones(3)])
    with pytest.raises(ValueError, match=r"weight shape \(3,\).*provided weight shape \(4,\)"):
        layer.set_weights([np.full(3, 9.0), np.ones(4), np.ones(())])
    assert layer.w.numpy().tolist() == [1.0, 1.0, 1.0]
    layer.set_weights([np.full(3, 2.0), np.ones(3), np.zeros(())])
    assert layer.get_weights()[0].tolist() == [2.0, 2.0, 2.0]


def test_count_params_before_building_is_refused() -> None:
    with pytest.raises(ValueError, match=r"isn't built"):
        Affine().count_params()


def test_configuration_is_captured() -> None:
    layer = Affine(3.0, name="a", trainable=False, dtype="float64")
    config = layer.get_config()
    assert config["scale"] == 3.0 and config["name"] == "a" and config["trainable"] is False
    twin = Affine.from_config(config)
    assert (twin.scale, twin.name, twin.trainable, twin.dtype) == (3.0, "a", False, "float64")
    assert Affine().get_config()["scale"] == 1.0


def test_configuration_of_a_subclass_with_other_arguments() -> None:
    class Narrow(layers.Dense):
        def __init__(self, factor: int, **kwargs: Any):
            super().__init__(2 * factor, **kwargs)

    twin = Narrow.from_config(Narrow(3, name="n").get_config())
    assert twin.units == 6 and twin.name == "n"


def test_layers_and_functions_among_the_arguments() -> None:
    class Wrap(layers.Layer):
        def __init__(self, inner: Any, **kwargs: Any):
            super().__init__(**kwargs)
            self.inner = inner

        def call(self, x: Any) -> Any:
            return self.inner(x)

    config = Wrap(layers.Dense(4, name="d")).get_config()
    assert config["inner"]["class_name"] == "Dense"
    assert Wrap.from_config(config).inner.units == 4


def test_float_inputs_take_the_dtype_of_the_layer() -> None:
    layer = Affine()
    assert layer(X.astype("float64")).dtype == "float32"
    assert layer(X.astype("float16")).dtype == "float32"
    wide = Affine(dtype="float64")
    assert wide(X).dtype == "float64" and wide.w.dtype == "float64"


@pytest.mark.parametrize("change", [np.asfortranarray, lambda a: a[::-1][::-1], lambda a: a.astype(">f4"), lambda a: a.tolist()])
def test_any_layout_and_byte_order_will_do(change: Any) -> None:
    assert Affine(2.0)(change(X)).tolist() == (2 * X).tolist()


@pytest.mark.parametrize("bad", [np.array([["a"]]), np.array([[object()]]), "text", 3.0])
def test_what_is_no_array_of_numbers_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"dtype|should be tensors"):
        layers.Dense(2)(bad)


def test_wrong_rank_and_width_name_the_layer() -> None:
    dense = layers.Dense(3, name="out")
    with pytest.raises(ValueError, match=r'"out".*min_ndim=2.*ndim=1'):
        dense(np.ones(4))
    dense(np.ones((1, 4)))
    with pytest.raises(ValueError, match=r'"out".*axis -1.*value 4.*\(1, 5\)'):
        dense(np.ones((1, 5)))
    with pytest.raises(ValueError, match=r'"out"'):
        dense(graphnn.Input((5,)))


def test_errors_inside_call_name_the_layer() -> None:
    class Wrong(layers.Layer):
        def call(self, x: Any) -> Any:
            return ops.matmul(x, np.ones((7, 2), "float32"))

    with pytest.raises(ValueError, match=r"matrix product") as e:
        Wrong(name="culprit")(X)
    assert "culprit" in "".join(e.value.__notes__)


def test_training_goes_down_to_sublayers() -> None:
    class Mode(layers.Layer):
        def call(self, x: Any, training: Any = None) -> Any:
            return x * (2.0 if training else 1.0)

    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.mode = Mode()

        def call(self, x: Any) -> Any:
            return self.mode(x)

    class Asks(Outer):
        def call(self, x: Any, training: bool = False) -> Any:
            return self.mode(x)

    assert Mode()(X, training=True)[0, 1] == 2.0
    assert Mode()(X)[0, 1] == 1.0
    assert Asks()(X, training=True)[0, 1] == 2.0
    assert Asks()(X)[0, 1] == 1.0
    model = graphnn.Sequential([Outer()])
    assert model(X, training=True)[0, 1] == 2.0
    assert model(X)[0, 1] == 1.0


def test_attributes_that_change_are_seen() -> None:
    layer = Affine(2.0)
    layer(X)
    layer.scale = 5.0
    assert layer(X)[0, 1] == 5.0
    model = graphnn.Sequential([graphnn.Input((3,)), layer])
    assert model(X)[0, 1] == 5.0
    layer.scale = 7.0
    assert model(X)[0, 1] == 7.0


def test_losses_of_the_last_call() -> None:
    class Adds(layers.Layer):
        def __init__(self) -> None:
            super().__init__(activity_regularizer="l2")
            self.inner = Affine()

        def call(self, x: Any) -> Any:
            self.add_loss(ops.sum(x))
            return self.inner(x)

    layer = Adds()
    for _ in range(2):
        layer(X)
    added, activity, weights = (float(v) for v in layer.losses)
    assert added == 15.0
    assert activity == pytest.approx(0.01 * 55 / 2)
    assert weights == pytest.approx(0.03)
    model = graphnn.Sequential([graphnn.Input((3,)), layer])
    model(X)
    assert [float(v) for v in model.losses] == pytest.approx([15.0, 0.01 * 55 / 2, 0.03])


def test_shapes_and_specs_without_building() -> None:
    layer = Affine()
    assert layer.compute_output_shape((None, 3)) == (None, 3)
    assert layer.compute_output_spec(graphnn.KerasTensor((2, 3))).shape == (2, 3)
    assert not layer.built


def test_build_with_several_inputs_by_name() -> None:
    class Mix(layers.Layer):
        def build(self, left_shape: Any, right_shape: Any) -> None:
            self.seen = (left_shape, right_shape)

        def call(self, left: Any, right: Any = None) -> Any:
            return left + right

    layer = Mix()
    layer(np.ones((2, 3)), right=np.ones((2, 1)))
    assert layer.seen == ((2, 3), (2, 1))


def test_masks_travel() -> None:
    class Masked(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
            return ops.not_equal(inputs, 0.0)

        def call(self, x: Any) -> Any:
            return x

    class Uses(layers.Layer):
        def call(self, x: Any, mask: Any = None) -> Any:
            return x if mask is None else ops.where(mask, x, -1.0)

    masked = Masked()(X)
    assert masked._keras_mask.tolist() == (X != 0).tolist()
    with pytest.warns(UserWarning, match=r"does not support masking"):
        y = Uses()(masked)
    assert y[0, 0] == -1.0 and y[0, 1] == 1.0
    inputs = graphnn.Input((3,))
    with pytest.warns(UserWarning, match=r"does not support masking"):
        model = graphnn.Model(inputs, Uses()(Masked()(inputs)))
    with pytest.warns(UserWarning, match=r"does not support masking"):
        y = model(X)
    assert y[0, 0] == -1.0


def test_unknown_extents_of_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'w'.*unknown extents|unknown"):
        Affine()(graphnn.Input((None,)))


def test_impossible_sizes_are_refused_before_memory_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"more than any memory holds"):
        layers.Dense(2**31)(graphnn.Input((2**33,)))


def test_weights_of_a_layer_die_with_it() -> None:
    layer = Pair()
    layer(X)
    dead = [weakref.ref(layer), weakref.ref(layer.weights[0])]
    del layer
    gc.collect()
    assert [r() for r in dead] == [None, None]


def test_2017_spellings_of_the_input_shape() -> None:
    assert layers.Dense(2, input_dim=5)._input_shape_arg == (None, 5)
    assert layers.Dense(2, input_shape=(4, 5))._input_shape_arg == (None, 4, 5)
    assert layers.Dense(2, batch_input_shape=(8, 5))._input_shape_arg == (8, 5)
    dense = layers.Dense(2, input_dim=3, weights=[np.ones((3, 2)), np.zeros(2)])
    assert graphnn.Sequential([dense])(X)[1].tolist() == [12.0, 12.0]
