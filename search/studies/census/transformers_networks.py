"""The networks of transformers: every model type with a base model, its configuration shrunk by the names in it."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig
from transformers import logging as transformers_logging
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES, model_type_to_module_name

from search.studies.census.examples import Built, examples

importlib.import_module("transformers.generation.utils")  # once, before the processes part

VOCABULARY, WORDS = 120, 99
_Size = tuple[str, Callable[[int], int] | int]
_SIZES: tuple[_Size, ...] = (  # the first pattern that fits the whole name says what the number becomes
    (r".*vocab_size|.*vocab_size_per_layer_input", lambda v: min(v, VOCABULARY)),
    (r"max_position_embeddings|n_positions|max_seq_len|max_sequence_length", lambda v: min(v, 512)),
    (r"(.*_)?num_hidden_layers|num_layers|n_layers?|layers|depth|(en|de)coder_layers|num_(en|de)coder_layers", 2),
    (r"(.*_)?num_key_value_heads", lambda v: min(v, 2)),
    (r"(.*_)?attention_heads|n_heads?|num_heads|mamba_n_heads|linear_num_(key|value)_heads", lambda v: min(v, 4)),
    (r"qk_rope_head_dim|rotary_dim", lambda v: min(v, 16)),
    (r"qk_head_dim", lambda v: min(v, 32)),
    (r"(.*_)?head_dim|d_kv|query_pre_attn_scalar|(q|kv)_lora_rank", lambda v: min(v, 16)),
    (r"(.*_)?hidden_size|d_model|n_embd|(.*_)?embed_dim|hidden_dim|embedding_size|emb_dim|projection_dim|dim", 64),
    (r"(.*_)?(intermediate_size|ffn_dim|mlp_dim|feedforward_dim)|d_ff|n_inner|dim_feedforward|d_inner", 128),
    (r"num_experts|n_routed_experts|num_local_experts|moe_num_experts", lambda v: min(v, 4)),
    (r"num_experts_per_tok|moe_topk|moe_k|top_k_experts", lambda v: min(v, 2)),
    (r"n_group|topk_group", 1),
    (r"first_k_dense_replace", lambda v: min(v, 1)),
)
_LAYERS = re.compile(r"(.*_)?num_hidden_layers|num_layers|n_layers?|layers|depth|(en|de)coder_layers")
_GIVEN: dict[str, dict[str, object]] = {
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 1},
    "reformer": {"axial_pos_shape": (4, 4), "axial_pos_embds_dim": (16, 48), "attn_layers": ("local", "lsh")},
    "big_bird": {"attention_type": "original_full"},
    "bigbird_pegasus": {"attention_type": "original_full"},
    "time_series_transformer": {"prediction_length": 4, "context_length": 8},
    "informer": {"prediction_length": 4, "context_length": 8},
    "autoformer": {"prediction_length": 4, "context_length": 8},
    "xmod": {"default_language": "en_XX"},
}
_BUILT: dict[str, tuple[type[nn.Module], PreTrainedConfig]] = {}
_PATIENCE = 20.0  # seconds to look for a configuration and an example in

transformers_logging.set_verbosity_error()


def _types() -> list[str]:
    """Return one model type a package: the one that the package is named after, else the first with a base model."""
    found: dict[str, str] = {}
    for kind in CONFIG_MAPPING_NAMES:
        module = model_type_to_module_name(kind)
        there = kind in modeling_auto.MODEL_MAPPING_NAMES
        if there and (module not in found or kind.replace("-", "_") == module):
            found[module] = kind
    return list(found.values())


TYPES = _types()


def build_transformer(name: str, again: bool) -> Built:
    """Return a network of a model type, and an example twice.

    Raises:
        RuntimeError: no way of shrinking gave one that runs; the message has the last reasons.
    """
    if again:
        kind, config = _BUILT[name]
        return kind(copy.deepcopy(config)), None, None
    reasons, began = [], time.process_time()
    for level in ("small", "deeper", "shallow", "as it is"):
        if time.process_time() - began > _PATIENCE:
            break
        try:
            config = shrunk(CONFIG_MAPPING[name](), level, _GIVEN.get(name, {}))
            kind = _model(type(config))
            _refuse_large(kind, config)
            torch.manual_seed(0)
            network = kind(copy.deepcopy(config)).eval()
        except Exception as error:  # a configuration may not fit together
            reasons.append(f"{level}: {type(error).__name__}: {error}")
            continue
        for example in examples(network, config):
            if time.process_time() - began > _PATIENCE:
                break
            try:
                with torch.no_grad():
                    network(**example)
            except Exception as error:  # nor an example
                reasons.append(f"{level}: {sorted(example)}: {type(error).__name__}: {error}")
                continue
            _BUILT[name] = kind, config
            torch.manual_seed(0)
            return kind(copy.deepcopy(config)), example, example
    raise RuntimeError(" / ".join(reason[:120] for reason in reasons[:1] + reasons[-2:]))


def _model(config_class: type[PreTrainedConfig]) -> type[nn.Module]:
    kind: type[nn.Module] | tuple[type[nn.Module], ...] = modeling_auto.MODEL_MAPPING[config_class]
    return kind[0] if isinstance(kind, tuple) else kind


def _refuse_large(kind: type[nn.Module], config: PreTrainedConfig) -> None:
    with torch.device("meta"):
        try:
            number = sum(p.numel() for p in kind(copy.deepcopy(config)).parameters())
        except Exception:  # some cannot be made without memory
            return
    if number > 4e8:
        raise ValueError(f"{number / 1e6:.0f} million parameters")


def shrunk(config: PreTrainedConfig, level: str, given: Mapping[str, object]) -> PreTrainedConfig:
    """Return a configuration of the same class with small sizes."""
    kind = type(config)
    tokens = iter(range(WORDS + 1, VOCABULARY))
    defaults = {f.name: f.default for f in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else {}
    options: dict[str, object] = {}
    for name, default in defaults.items():
        value: Any = getattr(config, name, None)
        if isinstance(value, PreTrainedConfig):
            options[name] = shrunk(value, level, {})
        elif (small := _small(name, value, level, tokens)) is not None:
            heads = name.endswith("num_key_value_heads") and value == getattr(config, "num_attention_heads", None)
            options[name] = min(value, 4) if heads and level in ("small", "deeper") else small
        elif isinstance(value, str | float | bool) and value != default and not name.startswith("_"):
            options[name] = value
    options |= given if level in ("small", "deeper") else {}
    return kind(**options)


def _small(name: str, value: object, level: str, tokens: Iterator[int]) -> int | list[int] | tuple[int, ...] | None:
    if isinstance(value, bool) or level == "as it is":
        return None
    if isinstance(value, int):
        if level == "shallow":
            return min(value, 2) if _LAYERS.fullmatch(name) else None
        if level == "deeper" and _LAYERS.fullmatch(name):
            return min(value, 8)
        return _small_number(name, value, tokens)
    if name == "image_size" and isinstance(value, list | tuple) and level != "shallow":
        return type(value)(min(v, 64) for v in value)
    if name == "depths" and isinstance(value, list | tuple):
        return type(value)(min(v, 1) for v in value)
    return None


def _small_number(name: str, value: int, tokens: Iterator[int]) -> int | None:
    if name.endswith(("_token_id", "_token_index")):
        return next(tokens, WORDS) if value >= VOCABULARY else None
    if name in ("image_size", "pretrain_image_size") and value > 64:
        return 64
    for pattern, small in _SIZES:
        if value > 0 and re.fullmatch(pattern, name):
            return min(value, small) if isinstance(small, int) else small(value)
    return None
