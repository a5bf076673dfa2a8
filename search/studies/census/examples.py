"""Examples of what a network of transformers is called with, likely ones first."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

Example = Tensor | tuple[object, ...] | Mapping[str, Tensor | None] | None
"""What a network is called with: one input, or positional ones, or ones by keyword; ``None`` if not looked for."""

Built = tuple[nn.Module, Example, Example]
"""A network, an example of its input in evaluation and one in training."""

_LENGTH = 16


def examples(network: nn.Module, config: PreTrainedConfig) -> Iterator[dict[str, Tensor | None]]:
    """Yield mappings of keyword arguments."""
    torch.manual_seed(0)
    parameters = inspect.signature(network.forward).parameters
    main = getattr(network, "main_input_name", "input_ids")
    required = [
        n for n, p in parameters.items() if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    known = [n for n in ("input_ids", "pixel_values", "input_features", "input_values") if n in parameters]
    wanted = [dict.fromkeys([*known, main, *required]), dict.fromkeys([main, *required]), dict.fromkeys(known[:1])]
    extras: tuple[list[str], ...] = ([], ["decoder_input_ids"], ["input_features_mask"], ["attention_mask"], ["bbox"])
    sets: list[tuple[list[str], list[Sequence[Tensor | None]]]] = []
    for extra, some in itertools.product(extras, wanted):
        names = [*some, *(e for e in extra if e in parameters and e not in some)]
        choices = [_choices(name, config) for name in names]
        if names and all(choices) and names not in [one for one, _ in sets]:
            sets.append((names, choices))
    for first, last in ((0, 1), (1, 8)):
        for names, choices in sets:
            for values in itertools.islice(itertools.product(*choices), first, last):
                yield dict(zip(names, values, strict=True))


def _choices(name: str, config: PreTrainedConfig) -> Sequence[Tensor | None]:
    """Return values of an argument that may do; none if it is unknown."""
    vocabulary = min(_of(config, "vocab_size", 99) or 99, 99)
    ids = torch.randint(min(4, vocabulary - 1), max(vocabulary - 5, 5), (2, _LENGTH))
    if name in ("input_ids", "decoder_input_ids"):
        return [ids, ids[:, None].repeat(1, _of(config, "num_codebooks", 4), 1)]
    if name in ("attention_mask", "decoder_attention_mask", "input_features_mask"):
        return [torch.ones(2, _LENGTH, dtype=torch.long)]
    if name in ("token_type_ids",):
        return [torch.zeros(2, _LENGTH, dtype=torch.long)]
    if name == "bbox":
        return [torch.tensor([1, 1, 5, 5]).repeat(2, _LENGTH, 1)]
    if name in ("pixel_values", "pixel_values_videos"):
        return _pixels(config)
    if name in ("input_features", "input_values", "audio_values", "input_embeds", "inputs_embeds", "spectrogram"):
        return _sounds(name, config)
    if name in ("hidden_states", "decoder_inputs_embeds"):
        return [torch.randn(2, _LENGTH, _of(config, "hidden_size", 64))]
    return _series(name, config)


def _pixels(config: PreTrainedConfig) -> list[Tensor]:
    channels = _of(config, "num_channels", 3) or 3
    size = _of(config, "image_size", 64)
    height, width = size if isinstance(size, list | tuple) else (size, size)
    frames = _of(config, "num_frames", 4) or 4
    sizes = [(height or 64, width or 64), (64, 64), (128, 128), (224, 224)]
    images = [torch.randn(2, channels, *s) for s in dict.fromkeys(sizes)]
    return [*images[:2], torch.randn(1, frames, channels, *sizes[0]), *images[2:]]


def _sounds(name: str, config: PreTrainedConfig) -> list[Tensor]:
    mel = _of(config, "num_mel_bins", _of(config, "feature_size", 80)) or 80
    length = 2 * (_of(config, "max_source_positions", 0) or 0)
    frames = _of(config, "max_length", 0)
    wave, features = [torch.randn(2, 8000), torch.randn(2, 1, 8000)], [torch.randn(2, 128, mel)]
    if 0 < length <= 6000:
        features.insert(0, torch.randn(2, mel, length))
    features += [torch.randn(2, mel, 128), torch.randn(2, 128, _of(config, "hidden_size", 64))]
    if isinstance(frames, int) and frames > 100:
        features.append(torch.randn(2, frames, mel))
    return [*wave, *features] if name in ("input_values", "audio_values") else [*features, *wave]


def _series(name: str, config: PreTrainedConfig) -> Sequence[Tensor | None]:
    context = (_of(config, "context_length", 8) or 8) + max(_of(config, "lags_sequence", (0,)) or (0,))
    future = _of(config, "prediction_length", 4) or 4
    channels = _of(config, "num_input_channels", 1)
    known: dict[str, Sequence[Tensor | None]] = {
        "past_values": [torch.randn(2, context), torch.randn(2, context, channels)],
        "past_time_features": [torch.randn(2, context, _of(config, "num_time_features", 1))],
        "past_observed_mask": [torch.ones(2, context)],
        "future_values": [torch.randn(2, future)],
        "future_time_features": [torch.randn(2, future, _of(config, "num_time_features", 1))],
        "static_categorical_features": [None],
        "static_real_features": [None],
        "states": [torch.randn(2, 4, _of(config, "state_dim", 17))],
        "actions": [torch.randn(2, 4, _of(config, "act_dim", 4))],
        "rewards": [torch.randn(2, 4, 1)],
        "returns_to_go": [torch.randn(2, 4, 1)],
        "timesteps": [torch.arange(4).repeat(2, 1)],
        "visual_feats": [torch.randn(2, 5, _of(config, "visual_feat_dim", 2048))],
        "visual_pos": [torch.rand(2, 5, 4)],
        "qformer_input_ids": [torch.randint(4, 90, (2, _LENGTH))],
        "audio_codes": [torch.randint(0, 16, (2, 8, _LENGTH))],
        "pixel_values_images": _pixels(config),
        "inputs": [torch.randint(4, 90, (2, _LENGTH)), torch.randn(2, _LENGTH, _of(config, "d_model", 64))],
        "query_embeds": [torch.randn(2, 4, _of(config, "hidden_size", 64))],
    }
    return known.get(name, [])


def _of(config: PreTrainedConfig, name: str, default: Any) -> Any:
    """Return a value of a configuration or of one inside it."""
    if getattr(config, name, None) is not None:
        return getattr(config, name)
    for value in vars(config).values():
        if isinstance(value, PreTrainedConfig) and (found := _of(value, name, None)) is not None:
            return found
    return default
