"""Our networks through torch.hub, and in timm as docs/export.md shows."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import torch

import nas
from nas.export import export_subject
from nas.export.catalog import EXPORTERS
from nas.export.zoo import zoo_subject
from tests.conftest import ROOT

DOCS = (ROOT / "docs" / "export.md").read_text()


def hub(name, *arguments, **options):
    return torch.hub.load(str(ROOT), name, *arguments, source="local", **options)


def test_the_hub_lists_every_network_of_the_zoo_with_its_title():
    spec = importlib.util.spec_from_file_location("hubconf", ROOT / "hubconf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # What torch.hub.list lists, which works on GitHub only.
    listed = {n for n in dir(module) if callable(getattr(module, n)) and not n.startswith("_")}
    assert listed == {*nas.list_models(), "exported"}
    assert "Return ResNet-18, fresh or with weights" in module.resnet18.__doc__


def test_the_hub_builds_networks_for_other_classes_and_sizes():
    model = hub("resnet18", num_classes=7, channels=1, size=32)
    assert model(torch.zeros(2, 1, 32, 32)).shape == (2, 7)


def test_the_hub_gives_weights_of_a_file_and_of_a_folder(tmp_path):
    subject = zoo_subject("lenet5", classes=4)
    export_subject(tmp_path / "lenet", subject)
    images = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    file = tmp_path / "lenet" / "weights.safetensors"
    with torch.no_grad():
        wanted = subject.model(images)
        assert torch.equal(hub("exported", tmp_path / "lenet")(images), wanted)
        assert torch.equal(hub("lenet5", num_classes=4, weights=file).eval()(images), wanted)


def test_the_snippet_for_timm_registers_a_network_that_timm_builds(tmp_path):
    (snippet,) = (s for s in re.findall(r"```python\n(.*?)```", DOCS, re.S) if "timm" in s)
    (tmp_path / "ours.py").write_text(snippet)
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
        "import ours, timm, torch\n"
        "assert 'nasturtium_resnet20' in timm.list_models()\n"
        "model = timm.create_model('nasturtium_resnet20', num_classes=5, in_chans=1)\n"
        "print(tuple(model(torch.zeros(2, 1, 32, 32)).shape))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(2, 5)\n"


def test_every_format_and_every_file_has_its_row_in_the_docs():
    for exporter in EXPORTERS.classes().values():
        assert f"| `{exporter.file}` |" in DOCS
        assert f"| `{exporter.name}` |" in DOCS or exporter.name == "safetensors"
