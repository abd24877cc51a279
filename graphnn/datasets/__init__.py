"""Data sets: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100, IMDB and Reuters by download, the UCI digits inside the package."""

from . import cifar10 as cifar10
from . import cifar100 as cifar100
from . import digits as digits
from . import fashion_mnist as fashion_mnist
from . import imdb as imdb
from . import mnist as mnist
from . import reuters as reuters

__all__ = ["cifar10", "cifar100", "digits", "fashion_mnist", "imdb", "mnist", "reuters"]
