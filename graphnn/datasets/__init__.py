"""Data sets: MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100 by download, the UCI digits inside the package."""

from . import cifar10 as cifar10
from . import cifar100 as cifar100
from . import digits as digits
from . import fashion_mnist as fashion_mnist
from . import mnist as mnist

__all__ = ["cifar10", "cifar100", "digits", "fashion_mnist", "mnist"]
