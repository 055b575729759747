"""The harness of kills: it sees what is lost, broken or different, and writes only its section."""

import numpy as np

from benchmarks.kills import VERBS, broken, compress_stage, differing, final_files
from benchmarks.tables import put_section


def test_a_section_is_replaced_and_what_others_wrote_stays(tmp_path):
    page = tmp_path / "reliability.md"
    put_section(page, "kills", ["first"])
    put_section(page, "fuzz", ["of others"])
    put_section(page, "kills", ["second", "third"])
    text = page.read_text()
    assert "<!-- kills -->\nsecond\nthird\n<!-- end kills -->" in text
    assert "<!-- fuzz -->\nof others\n<!-- end fuzz -->" in text
    assert "first" not in text
    page.write_text("# A page of others\n")
    put_section(page, "fuzz", ["1"])
    assert page.read_text().startswith("# A page of others\n")
    assert "<!-- kills -->\n<!-- end kills -->" in page.read_text()


def test_half_a_file_is_seen_and_half_a_temporary_file_is_none(tmp_path):
    (tmp_path / "run.json").write_text('{"labels": [')
    (tmp_path / "model.keras").write_bytes(b"PK")
    (tmp_path / "config.yaml").write_text("a: 1")
    (tmp_path / ".model.1.partial.keras").write_bytes(b"PK")
    assert {p.name for p in final_files(tmp_path)} == {"run.json", "model.keras", "config.yaml"}
    found = broken(tmp_path)
    assert [text.split()[0] for text in found] == ["model.keras", "run.json"]


def test_a_weight_that_differs_in_its_last_bit_is_seen():
    weights = np.float32([1, 2])
    assert differing({"w": weights}, {"w": weights.copy()}) == []
    assert differing({"w": weights}, {"w": np.nextafter(weights, 9)}) == ["w differs"]
    assert differing({"w": weights, "v": weights}, {"w": weights}) == ["v differs"]


def test_the_stage_of_a_compression_is_told_by_its_folder(tmp_path):
    out = tmp_path / "run" / "killed"
    assert compress_stage(tmp_path) == "start"
    out.mkdir(parents=True)
    (out / "progress.json").write_text("{}")
    found = [compress_stage(tmp_path)]
    while found[-1] != "end":
        (out / found[-1]).mkdir()
        (out / found[-1] / "model.keras").write_bytes(b"")
        found.append(compress_stage(tmp_path))
    assert found == ["channels", "pruning", "clustering", "quantization", "end"]
    assert {verb.begin for verb in VERBS} <= {None, *(verb.name for verb in VERBS)}
