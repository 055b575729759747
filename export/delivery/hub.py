"""Verified files on the Hugging Face Hub: pushed with metadata and cards, pulled and checked."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from kerascnn.errors import UserError
from kerascnn.extras import require
from kerascnn.files import replacing, writable_folder

from ..proof.card import card_path
from ..proof.metadata import metadata_path, read_metadata
from ..proof.schemas import Seal, validated
from ..runtimes.engines import BY_SUFFIX, engine_name

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def push(path: str | Path, repository: str, *, public: bool = False) -> str:
    """Puts a verified file, its metadata and its card into a repository of models, in one commit.

    Args:
        path: a .tflite or .onnx file that `deliver` wrote.
        repository: "USER/REPO"; it is made where there is none.
        public: whether a repository that is made now is open to all; else it is private. One that
            is there keeps what it is.

    Returns:
        The address of the commit.

    Raises:
        UserError: a file that changed since it was verified or did not pass, huggingface_hub that
            is not installed, or what the Hub refuses.
    """
    path = Path(path)
    engine_name(path)
    _refuse_unverified(path)
    if not REPOSITORY.fullmatch(repository):
        raise UserError(f"expected a repository as USER/REPO, got {repository!r}")
    hub = _library()
    beside = [path, metadata_path(path), *(p for p in [card_path(path)] if p.exists())]
    with _told(repository):
        api = hub.HfApi()
        api.create_repo(repository, private=not public, exist_ok=True)
        commit = api.create_commit(
            repository,
            operations=[
                hub.CommitOperationAdd(path_in_repo=p.name, path_or_fileobj=p.read_bytes())
                for p in beside
            ],
            commit_message=f"{path.name}, verified by kerascnn",
        )
    return str(commit.commit_url)


def pull(source: str, folder: str | Path = ".") -> list[Path]:
    """Fetches the verified files of a repository, and makes sure that they are what was verified.

    Args:
        source: "USER/REPO", or "USER/REPO/FILE" for one of them.
        folder: where they go. Nothing is written before all of them are found to be right.

    Returns:
        The paths of the files.

    Raises:
        UserError: no such file, one without metadata, one whose metadata speaks of another or says
            that it did not pass, or another file of that name in the folder.
    """
    repository, wanted = _parts(source)
    hub = _library()
    with tempfile.TemporaryDirectory() as temporary:
        with _told(repository):
            info = hub.HfApi().model_info(repository)
            names = {sibling.rfilename for sibling in info.siblings or ()}
        if wanted is not None and wanted not in names:
            raise UserError(f"{repository}: holds no {wanted!r}")
        chosen = _with_metadata(names) if wanted is None else [wanted]
        if not chosen:
            raise UserError(f"{repository}: holds no .tflite or .onnx file beside its metadata")
        fetched = []
        for name in chosen:
            for part in _beside(name):
                if part in names:
                    with _told(repository):
                        found = hub.hf_hub_download(repository, part, revision=info.sha)
                    shutil.copyfile(found, Path(temporary) / Path(part).name)
            fetched.append(Path(temporary) / Path(name).name)
        for path in fetched:
            engine_name(path)
            _refuse_unverified(path)
            _refuse_another(path, Path(folder) / path.name)
        return [_placed(path, writable_folder(folder)) for path in fetched]


def _library() -> ModuleType:
    require("hub", "the Hugging Face Hub")
    import huggingface_hub

    return huggingface_hub


@contextmanager
def _told(repository: str) -> Iterator[None]:
    """Makes one line of what the Hub, or the way to it, refuses."""
    try:
        yield
    except Exception as error:  # of requests, httpx, the Hub's own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{repository}: the Hub says: {reason}") from None


def _parts(source):
    """(repository, the file in it or None) of "USER/REPO[/FILE]"."""
    parts = source.split("/")
    repository, wanted = "/".join(parts[:2]), "/".join(parts[2:]) or None
    if not REPOSITORY.fullmatch(repository):
        raise UserError(f"expected USER/REPO or USER/REPO/FILE, got {source!r}")
    if wanted is not None and Path(wanted).suffix not in BY_SUFFIX:
        raise UserError(f"{source}: expected a .tflite or an .onnx file")
    return repository, wanted


def _with_metadata(names):
    """The artifacts among the names of a repository; UserError for two that would be one file."""
    found = sorted(n for n in names if Path(n).suffix in BY_SUFFIX and f"{n}.json" in names)
    plain = [Path(name).name for name in found]
    if len(set(plain)) < len(plain):
        twice = next(name for name in plain if plain.count(name) > 1)
        raise UserError(f"the repository holds {twice} in several folders; name one of them")
    return found


def _beside(name):
    """The names of an artifact, its metadata and its card in a repository."""
    return [name, f"{name}.json", f"{name}.md"]


def _refuse_unverified(path):
    if not validated(Seal, read_metadata(path), metadata_path(path), "kerascnn convert").verified:
        raise UserError(f"{path}: did not pass its checks; convert it again")


def _refuse_another(fetched, path):
    if path.exists() and (not path.is_file() or path.read_bytes() != fetched.read_bytes()):
        raise UserError(f"{path}: is there already, and is another file; give another --out")


def _placed(fetched, folder):
    """Copies a file and what is beside it to a folder, its metadata last: it vouches for all."""
    for part in (fetched, card_path(fetched), metadata_path(fetched)):
        if part.exists():
            with replacing(folder / part.name) as temporary:
                shutil.copyfile(part, temporary)
    return folder / fetched.name
