"""An artifact that is loaded in a process of its own: what it takes, gives and tells."""

import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import UserError

from .content import Content, content_of
from .operator_times import OperatorTime
from .process import Worker

FACTS = (
    "inputs",
    "outputs",
    "version",
    "content",
    "float_operators",
    "loading",
    "delegated",
    "delegate",
    "fallbacks",
    "arena",
)
DONE = {"run": ("images",), "call": ("calls",)}  # what is answered when the outputs are written
NUMBERS = re.compile(r"(float|u?int)(8|16|32|64)|bool")  # dtypes that NumPy has


def read_content(path: Path | str) -> Content:
    """Reads what stands in a .tflite or .onnx file, also in one that no engine here runs.

    Raises:
        UserError: no such file, or nothing that can be read.
    """
    with Worker(path, threads=0, cores=None, name=None) as worker:
        return content_of(*worker.answer("content"))


class Artifact(Worker):
    """A .tflite or .onnx file, loaded in a worker process. Use it in a `with`.

    engine: a key of `engines.ENGINES`, by default that of the suffix. inputs, outputs: a dict a
    tensor, see `load_engine`. version: of the engine. content: what stands in the file.
    float_operators: names of operators that compute in float; None where the format does not tell.
    loading: nanoseconds from the file to an engine that can run. delegated: (nodes that a delegate
    runs, all nodes) or None. delegate: its name and version, or None. fallbacks:
    (operator, layer) of the nodes that it left.
    arena: bytes of working memory, where the engine tells.
    cores: the processor cores to stay on, or None for any. name: the path that errors speak of,
    where the file itself is a hidden one.

    Raises:
        UserError: the engine refuses the file, dies of it, or does not answer.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        threads: int = 1,
        cores: Sequence[int] | None = None,
        name: Path | str | None = None,
        engine: str | None = None,
    ) -> None:
        super().__init__(path, threads=threads, cores=cores, name=name, engine=engine)
        try:
            facts = self.answer(*FACTS)
            self.content = content_of(facts.pop(3))
        except BaseException:
            self.close()
            raise
        self.inputs, self.outputs, self.version, self.float_operators, *facts = facts
        self.loading, self.delegated, self.delegate, self.fallbacks, self.arena = facts

    @property
    def operators(self) -> list[dict]:
        """The operators of the file: name, version, count."""
        return self.content.operators

    @property
    def minimum_runtime(self) -> str | None:
        """The first runtime that has all operators, in words."""
        return self.content.minimum_runtime

    @property
    def batched(self) -> bool:
        """Whether the first axis of every input and output counts samples."""
        firsts = [end["shape"][0] if end["shape"] else None for end in self.inputs]
        ends = [end["shape"][0] if end["shape"] else None for end in self.outputs]
        if not firsts or None in firsts or len(set(firsts)) > 1:
            return False
        return all(n is not None and (n in (-1, firsts[0]) or firsts[0] == -1) for n in ends)

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Runs samples through the file, batch by batch.

        Args:
            arrays: for each of `inputs` an array, (n, ...), of its dtype.

        Returns:
            A list with one array, (n, ...), for each of `outputs`.

        Raises:
            UserError: arrays that the file does not take, or an engine that dies of them.
        """
        self._refuse_unlike(arrays, 1, 1)
        return self._passed("run", arrays)

    def call(self, arrays: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
        """Calls the file `count` times, for files whose first axis is no batch.

        Args:
            arrays: for each of `inputs` an array, (count, ...): whole inputs, one after another.

        Returns:
            A list with one array, (count, ...), for each of `outputs`.

        Raises:
            UserError: as `run`.
        """
        self._refuse_unlike(arrays, 0, 1)
        return self._passed("call", arrays, count=count)

    def time(self, *, warmup: int, runs: int) -> tuple[np.ndarray, dict[str, Any]]:
        """Times single runs on random inputs.

        Returns:
            (milliseconds, (runs,); what else was seen: "shapes" of the inputs they were measured
            on, "first", the nanoseconds of the first run there was, "memory", the bytes that the
            engine has taken at most, or None).

        Raises:
            UserError: inputs that cannot be made up, or on which the engine does not run.
        """
        self.refuse_unknown(self.inputs)
        seen = ("shapes", "first", "memory")
        times, *facts = self.ask("time", "nanoseconds", *seen, warmup=warmup, runs=runs)
        return np.array(times) / 1e6, dict(zip(seen, facts, strict=True))

    def profile(self, runs: int) -> tuple[list[OperatorTime], list[dict[str, int]] | None]:
        """What each operator takes on random inputs, one thread: LiteRT and ONNX Runtime tell.

        Returns:
            (the times, in the order of execution; how many operators of each kind are in the file
            and how many in what ran, where the engine tells).

        Raises:
            UserError: an engine whose profiler is not known, or a file of open sizes.
        """
        self.refuse_unknown(self.inputs)
        times, fused = self.ask("profile", "times", "fused", runs=runs)
        return [OperatorTime(**time) for time in times], fused

    def refuse_unknown(self, ends: Iterable[dict[str, Any]]) -> None:
        """UserError where one of these inputs or outputs holds no numbers, as strings."""
        for end in ends:
            if not NUMBERS.fullmatch(end["dtype"]):
                raise UserError(
                    f"{self.path}: {end['name']} is of {end['dtype']}; only numbers can be made up "
                    "and compared"
                )

    def _refuse_unlike(self, arrays, ours, theirs):
        """UserError unless the file takes arrays of such shapes, from these axes on."""
        if len(arrays) != len(self.inputs) or not self.outputs:
            ends = f"{len(self.inputs)} inputs and {len(self.outputs)} outputs"
            raise UserError(f"{self.path}: expected {len(arrays)} inputs and outputs, got {ends}")
        for end, array in zip(self.inputs, arrays, strict=True):
            wanted, given = end["shape"][ours:], list(array.shape[theirs:])
            if len(wanted) != len(given) or any(
                n not in (-1, m) for n, m in zip(wanted, given, strict=True)
            ):
                raise UserError(
                    f"{self.path}: input {end['name']} takes {wanted}, its model takes {given}"
                )
        self.refuse_unknown((*self.inputs, *self.outputs))

    def _passed(self, verb, arrays, **arguments):
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
            np.savez(source, *arrays)
            self.ask(verb, *DONE[verb], inputs=str(source), outputs=str(target), **arguments)
            with np.load(target, allow_pickle=False) as stored:
                return [stored[f"arr_{i}"] for i in range(len(stored.files))]
