"""An activation as a torch module that registers itself, so that timm or transformers know it by name afterwards."""

from __future__ import annotations

from string import Template

from primitives.export.exported import Exported
from primitives.export.torch_file import torch_text

_TIMM_USE = Template("""\
After ``import $module`` timm knows it by name::

    model = timm.create_model("resnet18", act_layer="$word")

""")

_TIMM = Template('''\
NAME = "$word"
"""What timm calls it."""


def make(inplace=False, **options):
    """Return a layer as timm asks for one; it never works in place."""
    return $name(**options)


if create_act._ACT_LAYER_DEFAULT.get(NAME, make).__module__ != __name__:
    raise ValueError(
        f"timm has another activation {NAME!r}; export with another --name"
    )
create_act._ACT_LAYER_DEFAULT[NAME] = make
''')

_TRANSFORMERS_USE = Template("""\
After ``import $module`` transformers knows it by name::

    config = BertConfig(hidden_act="$word")

""")

_TRANSFORMERS = Template('''\
NAME = "$word"
"""What transformers calls it."""

known = ACT2CLS.get(NAME, $name)
if getattr(known, "__module__", "") != __name__:
    raise ValueError(
        f"transformers has another activation {NAME!r}; export with another --name"
    )
ACT2CLS[NAME] = ACT2FN[NAME] = $name
''')


def timm_file(exported: Exported) -> str:
    """Return a torch module's file that, once imported, is an ``act_layer`` of timm by its class name in lower case."""
    names = _names(exported)
    return torch_text(
        exported,
        _TIMM_USE.substitute(names),
        ("from timm.layers import create_act",),
        _TIMM.substitute(names),
        "torch and timm",
    )


def transformers_file(exported: Exported) -> str:
    """Return a torch module's file that, once imported, is a ``hidden_act`` of transformers, named as for timm."""
    names = _names(exported)
    return torch_text(
        exported,
        _TRANSFORMERS_USE.substitute(names),
        ("from transformers.activations import ACT2CLS, ACT2FN",),
        _TRANSFORMERS.substitute(names),
        "torch and transformers",
    )


def _names(exported: Exported) -> dict[str, str]:
    return {"module": exported.importable, "name": exported.name, "word": exported.name.lower()}
