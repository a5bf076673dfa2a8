"""The networks of timm and torchvision, the smallest of each family, and how each is built."""

from __future__ import annotations

import warnings

import timm
import torch
from torchvision.models import get_model

from search.studies.census.examples import Built, Example
from search.studies.census.transformers_networks import TYPES, build_transformer


def _listed(text: str) -> list[str]:
    return text.split()


TIMM = _listed("""
    bat_resnext26ts beit_base_patch16_224 botnet26t_256 caformer_s18 cait_xxs24_224 coat_tiny coatnet_pico_rw_224
    coatnext_nano_rw_224 convformer_s18 convit_tiny convmixer_768_32 convnext_atto convnextv2_atto cpubone_nano
    crossvit_tiny_240 cs3darknet_s csatv2 cspdarknet53 cspnext_tiny cspresnet50 cspresnext50 darknet17 darknetaa53
    davit_tiny deepseek_vit_412m deit_tiny_patch16_224 densenet121 densenetblur121d dla34 dpn48b eca_botnext26ts_256
    eca_nfnet_l0 eca_resnext26ts eca_vovnet39b ecaresnet26t ecaresnetlight ecaresnext26t_32x4d edgenext_xx_small
    efficientformer_l1 efficientformerv2_s0 efficientnet_b0 efficientnetv2_s efficientvim_m1 efficientvit_b0
    efficientvit_m0 ese_vovnet19b_dw eva02_tiny_patch14_224 fasternet_t0 fastvit_t8 fbnetc_100 fbnetv3_b
    flexivit_small focalnet_tiny_srf gc_efficientnetv2_rw_t gcresnet33ts gcresnext26ts gcvit_xxtiny gemma4_vit_167m
    gernet_s ghostnet_050 ghostnetv3_050 gmixer_12_224 gmlp_ti16_224 halo2botnet50ts_256 halonet_h1 haloregnetz_b
    hardcorenas_b hgnet_tiny hgnetv2_b0 hiera_tiny_224 hieradet_small hrnet_w18_small iformer_s inception_next_atto
    inception_resnet_v2 inception_v3 inception_v4 lambda_resnet26t lamhalobotnet50ts_256 lcnet_035 lcnetv2_small
    legacy_seresnet18 legacy_xception levit_128 lowformer_b0 mambaout_femto maxvit_pico_rw_256
    maxxvit_rmlp_nano_rw_256 maxxvitv2_nano_rw_256 mixnet_s mnasnet_small mobilenet_edgetpu_100 mobilenetv2_035
    mobilenetv3_small_050 mobilenetv5_base mobileone_s1 mobilevit_xxs mobilevitv2_050 mvitv2_tiny
    naflexvit_base_patch16_gap nasnetalarge nest_tiny nextvit_small nf_regnet_b0 pit_ti_224 pnasnet5large
    poolformer_s12 poolformerv2_s12 pvt_v2_b0 qwen3_vit_88m rdnet_tiny regnetv_040 regnetx_002 regnety_002 regnetz_005
    regnetz_b16 repghostnet_050 repvgg_a0 repvit_m0_9 res2next50 resmlp_12_224 resnest14d resnet18 resnet32ts
    resnetaa34d resnetblur18 resnetrs50 resnetv2_18 resnext26ts resnext50_32x4d rexnet_100 rexnetr_100 sam2_hiera_tiny
    samvit_base_patch16_224 sebotnet33ts_256 sedarknet21 sehalonet33ts selecsls42 semnasnet_050 sequencer2d_s
    seresnet18 seresnet33ts seresnetaa50d seresnext26d_32x4d seresnext26ts shvit_s1 skresnet18 skresnext50_32x4d
    spnasnet_100 starnet_s1 swiftformer_xs swin_tiny_patch4_window7_224 swinv2_cr_tiny_224 swinv2_tiny_window16_256
    test_byobnet test_coatnet test_convnext test_efficientnet test_mambaout test_nfnet test_resnet test_vit
    test_vit_relpos tf_mixnet_s tf_mobilenetv3_small_075 tiny_vit_5m_224 tinynet_e tnt_s_legacy_patch16_224 tresnet_m
    twins_svt_small vgg11 visformer_tiny vit_relpos_small_patch16_rpn_224 vit_tiny_patch16_224
    vit_tiny_patch16_dinov3_qkvb vit_tiny_r_s16_p8_224 vitamin_small_224 volo_d1_224 vovnet39a xception41p
    xcit_nano_12_p8_224
""")
_SHALLOW = {"deepseek_vit_412m": {"depth": 2}, "gemma4_vit_167m": {"depth": 2}, "qwen3_vit_88m": {"depth": 2}}

TORCHVISION = _listed("""
    alexnet convnext_tiny deeplabv3_mobilenet_v3_large deeplabv3_resnet50 densenet121 efficientnet_b0 efficientnet_v2_s
    fasterrcnn_mobilenet_v3_large_320_fpn fcn_resnet50 fcos_resnet50_fpn googlenet inception_v3
    keypointrcnn_resnet50_fpn lraspp_mobilenet_v3_large maskrcnn_resnet50_fpn maxvit_t mc3_18 mnasnet0_5 mobilenet_v2
    mobilenet_v3_small mvit_v1_b r2plus1d_18 r3d_18 raft_small regnet_x_400mf regnet_y_400mf resnet18
    resnext50_32x4d retinanet_resnet50_fpn s3d shufflenet_v2_x0_5 squeezenet1_0 ssd300_vgg16
    ssdlite320_mobilenet_v3_large swin3d_t swin_t swin_v2_t vgg11 vgg11_bn vit_b_32 wide_resnet50_2
""")
_VIDEO = {"mc3_18", "mvit_v1_b", "r2plus1d_18", "r3d_18", "s3d", "swin3d_t"}
_NATIVE = {"vit_b_32": 224, "maxvit_t": 224, "inception_v3": 299, "googlenet": 96, "alexnet": 224, "vgg11": 64}


def names(library: str) -> list[str]:
    """Return the architectures of a library."""
    return {"timm": TIMM, "torchvision": TORCHVISION, "transformers": list(TYPES)}[library]


def build(library: str, name: str, again: bool = False) -> Built:
    """Return a network, an example of its input in evaluation and one in training.

    Args:
        library: that has it.
        name: of the architecture.
        again: whether it was built before in this process: what worked then is used.
    """
    warnings.simplefilter("ignore")
    return {"timm": _timm, "torchvision": _torchvision, "transformers": build_transformer}[library](name, again)


def _timm(name: str, again: bool) -> Built:
    network = timm.create_model(name, **_SHALLOW.get(name, {}))
    if again:
        return network, None, None
    native = network.pretrained_cfg["input_size"][-1]
    generator = torch.Generator().manual_seed(0)
    for size in sorted({min(s, native) for s in (64, 96, 128, 224, native)}):
        example = torch.randn(2, 3, size, size, generator=generator)
        try:
            with torch.no_grad():
                network.eval()(example)
        except Exception:  # this size is too small for the network
            if size == native:
                raise
            continue
        return network, example, example
    raise AssertionError


def _torchvision(name: str, _: bool) -> Built:
    options: dict[str, object] = {"weights": None}
    if "rcnn" in name or name.startswith(("retinanet", "fcos", "ssd")):
        options["weights_backbone"] = None
        if not name.startswith("ssd"):
            options |= {"min_size": 128, "max_size": 160}
        network = get_model(name, **options)
        return network, *_detection()
    if name.startswith(("deeplab", "fcn", "lraspp")):
        options["weights_backbone"] = None
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    network = get_model(name, **options)
    generator = torch.Generator().manual_seed(0)
    example: Example
    if name.startswith("raft"):
        example = tuple(torch.randn(1, 3, 128, 128, generator=generator) for _ in range(2))
    elif name in _VIDEO:
        frames, size = (16, 224) if name.startswith("mvit") or name == "s3d" else (8, 64)
        example = torch.randn(1 if size == 224 else 2, 3, frames, size, size, generator=generator)
    else:
        size = _NATIVE.get(name, 96)
        example = torch.randn(2, 3, size, size, generator=generator)
    return network, example, example


def _detection() -> tuple[Example, Example]:
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(3, 128, 128, generator=generator) for _ in range(2)]
    target = {
        "boxes": torch.tensor([[10.0, 10.0, 60.0, 70.0]]),
        "labels": torch.tensor([1]),
        "masks": torch.ones(1, 128, 128, dtype=torch.uint8),
        "keypoints": torch.tensor([[[20.0, 20.0, 1.0]] * 17]),
    }
    return (images,), (images, [dict(target), dict(target)])
