"""Tiny random models of many classes of transformers, as `save_pretrained` writes them; shared by check_lint.py and check_configuration.py.

Each has four layers (or the sizes that its class needs), one small configuration, and random values everywhere, so that no two layers are equal.
"""

import functools
import inspect
import pathlib
import tempfile

import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

DEPTH, TOKENS, WIDTH = 4, 64, 16
# Members of configurations, by their many names. Only those that a class has are given to it.
SIZES = dict(
    vocab_size=TOKENS, hidden_size=WIDTH, d_model=WIDTH, n_embd=WIDTH, dim=WIDTH, emb_dim=WIDTH, embed_dim=WIDTH, num_hidden_layers=DEPTH,
    num_layers=DEPTH, n_layers=DEPTH, n_layer=DEPTH, depth=DEPTH, encoder_layers=DEPTH, decoder_layers=DEPTH, num_decoder_layers=DEPTH,
    num_attention_heads=2, num_heads=2, n_heads=2, n_head=2, num_key_value_heads=2, encoder_attention_heads=2, decoder_attention_heads=2,
    head_dim=8, d_kv=8, intermediate_size=24, hidden_dim=24, n_inner=24, d_ff=24, d_inner=24, ffn_dim=24, encoder_ffn_dim=24, decoder_ffn_dim=24,
    max_position_embeddings=32, n_positions=32, max_source_positions=32, max_target_positions=32, n_ctx=32,
    image_size=16, patch_size=4, pad_token_id=0, bos_token_id=1, eos_token_id=2, sep_token_id=2, cls_token_id=1, decoder_start_token_id=1,
    forced_eos_token_id=None, forced_bos_token_id=None, projection_dim=WIDTH, moe_intermediate_size=24, shared_expert_intermediate_size=24,
    num_experts=4, num_local_experts=4, n_routed_experts=4, num_experts_per_tok=2,
)
LOCAL = ["sliding_attention", "full_attention"] * 2
ROPE = dict(rope_type="default", rope_theta=10000.0)
# The classes, with what they need besides; a nested dictionary is for a nested configuration.
MODELS = {
    # Encoders.
    "AlbertForMaskedLM": dict(embedding_size=8),
    "BertForMaskedLM": {}, "BertForPreTraining": {}, "BertForSequenceClassification": dict(num_labels=3), "BertModel": {},
    "BertLMHeadModel": dict(is_decoder=True), "BertForMultipleChoice": {}, "BertForTokenClassification": dict(num_labels=5),
    "BertForQuestionAnswering": {}, "BigBirdForMaskedLM": dict(block_size=4, num_random_blocks=1), "BioGptForCausalLM": {},
    "CamembertForMaskedLM": {}, "CanineForSequenceClassification": dict(num_hash_buckets=32), "ConvBertForMaskedLM": dict(embedding_size=16),
    "DebertaForMaskedLM": {}, "DebertaV2ForMaskedLM": dict(relative_attention=True, position_buckets=8, pos_att_type=["p2c", "c2p"]),
    "DistilBertForMaskedLM": {}, "DistilBertForSequenceClassification": dict(num_labels=4), "ElectraForMaskedLM": dict(embedding_size=8),
    "ErnieForMaskedLM": {}, "EsmForMaskedLM": dict(position_embedding_type="rotary", mask_token_id=3),
    "FNetForMaskedLM": {}, "FunnelForMaskedLM": dict(block_sizes=[2, 2], d_head=8), "IBertForMaskedLM": {}, "LayoutLMForMaskedLM": dict(max_2d_position_embeddings=40),
    "LiltForTokenClassification": dict(max_2d_position_embeddings=40), "LongformerForMaskedLM": dict(attention_window=[4, 4, 8, 8]), "LukeForMaskedLM": dict(entity_vocab_size=20, entity_emb_size=8),
    "MegatronBertForMaskedLM": {}, "MobileBertForMaskedLM": dict(embedding_size=16, intra_bottleneck_size=16, true_hidden_size=16),
    "ModernBertForMaskedLM": dict(layer_types=["full_attention", "sliding_attention"] * 2), "MPNetForMaskedLM": {}, "NystromformerForMaskedLM": dict(segment_means_seq_len=16, num_landmarks=8),
    "RemBertForMaskedLM": dict(input_embedding_size=8, output_embedding_size=12), "RobertaForMaskedLM": {}, "RobertaForSequenceClassification": dict(num_labels=3),
    "RobertaPreLayerNormForMaskedLM": {}, "RoFormerForMaskedLM": dict(embedding_size=8), "SqueezeBertForMaskedLM": dict(embedding_size=16, q_groups=1, k_groups=1, v_groups=1, post_attention_groups=1, intermediate_groups=1, output_groups=1),
    "TapasForMaskedLM": {}, "XLMForSequenceClassification": {}, "XLMRobertaForMaskedLM": {}, "XLMRobertaXLForMaskedLM": {}, "XLNetLMHeadModel": dict(d_head=8), "XmodForMaskedLM": dict(languages=["en_XX", "de_DE"], default_language="en_XX"), "YosoForMaskedLM": {},
    # Decoders.
    "ApertusForCausalLM": {}, "BambaForCausalLM": dict(attn_layer_indices=[1, 3], mamba_n_heads=4, mamba_d_head=8, mamba_d_state=8, mamba_expand=2, mamba_n_groups=1),
    "BloomForCausalLM": {}, "CodeGenForCausalLM": dict(rotary_dim=4), "CohereForCausalLM": {}, "Cohere2ForCausalLM": dict(layer_types=LOCAL), "CTRLLMHeadModel": dict(dff=24), "DeepseekV2ForCausalLM": dict(first_k_dense_replace=1, n_shared_experts=1, kv_lora_rank=8, q_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=4, v_head_dim=8, n_group=1, topk_group=1),
    "DeepseekV3ForCausalLM": dict(first_k_dense_replace=1, n_shared_experts=1, kv_lora_rank=8, q_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=4, v_head_dim=8, n_group=1, topk_group=1),
    "Ernie4_5ForCausalLM": {}, "FalconForCausalLM": {}, "FalconH1ForCausalLM": dict(mamba_n_heads=4, mamba_d_head=8, mamba_d_ssm=32, mamba_d_state=8, mamba_n_groups=1), "GemmaForCausalLM": {},
    "Gemma2ForCausalLM": dict(layer_types=LOCAL), "Gemma3ForCausalLM": dict(layer_types=LOCAL),
    "Gemma3nForCausalLM": dict(layer_types=LOCAL, num_kv_shared_layers=2, vocab_size_per_layer_input=TOKENS, hidden_size_per_layer_input=8, laurel_rank=4, altup_num_inputs=2, intermediate_size=[24] * 4, activation_sparsity_pattern=[0.5, 0.5, 0.0, 0.0]),
    "GPT2LMHeadModel": {}, "GPTBigCodeForCausalLM": {}, "GPTJForCausalLM": dict(rotary_dim=4), "GPTNeoForCausalLM": dict(attention_types=[[["global", "local"], 2]]),
    "GPTNeoXForCausalLM": {}, "Glm4ForCausalLM": {}, "Glm4MoeForCausalLM": dict(first_k_dense_replace=1, n_shared_experts=1, n_group=1, topk_group=1), "GptOssForCausalLM": dict(layer_types=LOCAL), "GraniteForCausalLM": {}, "GraniteMoeHybridForCausalLM": dict(layer_types=["mamba", "attention"] * 2, mamba_n_heads=4, mamba_d_head=8, mamba_d_state=8, shared_intermediate_size=24),
    "JambaForCausalLM": dict(attn_layer_period=4, attn_layer_offset=1, expert_layer_period=2, expert_layer_offset=1, use_mamba_kernels=False, mamba_d_state=4, mamba_dt_rank=4),
    "JetMoeForCausalLM": dict(kv_channels=8, num_key_value_heads=1), "Lfm2ForCausalLM": dict(layer_types=["conv", "full_attention"] * 2, block_ff_dim=24), "LlamaForCausalLM": {}, "MambaForCausalLM": dict(state_size=4), "Mamba2ForCausalLM": dict(num_heads=4, head_dim=8, state_size=8, n_groups=1, expand=2),
    "MiniMaxForCausalLM": dict(layer_types=["linear_attention", "full_attention"] * 2, block_size=4), "MistralForCausalLM": {}, "MixtralForCausalLM": {}, "MptForCausalLM": {}, "NemotronForCausalLM": {}, "OlmoForCausalLM": {}, "Olmo2ForCausalLM": {}, "Olmo3ForCausalLM": dict(layer_types=LOCAL), "OlmoeForCausalLM": {},
    "OPTForCausalLM": dict(word_embed_proj_dim=8), "PersimmonForCausalLM": {}, "PhiForCausalLM": {}, "Phi3ForCausalLM": {}, "PhimoeForCausalLM": {}, "Qwen2ForCausalLM": dict(max_window_layers=2, use_sliding_window=True, sliding_window=8),
    "Qwen2MoeForCausalLM": dict(mlp_only_layers=[1]), "Qwen3ForCausalLM": {}, "Qwen3MoeForCausalLM": dict(mlp_only_layers=[0]), "Qwen3NextForCausalLM": dict(layer_types=["linear_attention", "full_attention"] * 2, linear_key_head_dim=8, linear_value_head_dim=8, linear_num_key_heads=2, linear_num_value_heads=2),
    "RecurrentGemmaForCausalLM": dict(lru_width=16), "RwkvForCausalLM": dict(attention_hidden_size=16), "SmolLM3ForCausalLM": dict(no_rope_layers=[1, 1, 1, 0]), "StableLmForCausalLM": {}, "Starcoder2ForCausalLM": {}, "XGLMForCausalLM": dict(attention_heads=2), "Zamba2ForCausalLM": dict(layer_types=["mamba", "hybrid"] * 2, hybrid_layer_ids=[1, 3], mamba_d_state=8, n_mamba_heads=4, mamba_headdim=8, mamba_ngroups=1, num_mem_blocks=1, adapter_rank=4, use_mem_rope=False),
    # Encoders with a decoder.
    "BartForConditionalGeneration": {}, "BlenderbotForConditionalGeneration": {}, "BlenderbotSmallForConditionalGeneration": {}, "FSMTForConditionalGeneration": dict(src_vocab_size=TOKENS, tgt_vocab_size=TOKENS), "LEDForConditionalGeneration": dict(attention_window=[4, 4, 8, 8], max_encoder_position_embeddings=32, max_decoder_position_embeddings=32),
    "LongT5ForConditionalGeneration": {}, "M2M100ForConditionalGeneration": {}, "MarianMTModel": dict(decoder_vocab_size=TOKENS), "MBartForConditionalGeneration": {}, "MT5ForConditionalGeneration": {}, "NllbMoeForConditionalGeneration": dict(encoder_sparse_step=2, decoder_sparse_step=2), "PegasusForConditionalGeneration": {}, "PegasusXForConditionalGeneration": dict(block_size=4), "PLBartForConditionalGeneration": {}, "ProphetNetForConditionalGeneration": dict(num_encoder_layers=DEPTH, num_encoder_attention_heads=2, num_decoder_attention_heads=2), "SwitchTransformersForConditionalGeneration": dict(num_sparse_encoder_layers=2, num_sparse_decoder_layers=2), "T5ForConditionalGeneration": {}, "T5EncoderModel": {}, "UMT5ForConditionalGeneration": {},
    # Sound, images, and both with text.
    "BeitForImageClassification": {}, "BlipForConditionalGeneration": {}, "CLIPModel": {}, "CLIPTextModel": {}, "DeiTForImageClassification": {}, "Dinov2Model": {}, "Gemma3ForConditionalGeneration": None,
    "Idefics3ForConditionalGeneration": None, "LlavaForConditionalGeneration": None, "MllamaForConditionalGeneration": dict(text_config=dict(cross_attention_layers=[1, 3], rope_parameters=ROPE), vision_config=dict(num_global_layers=2, attention_heads=2, intermediate_layers_indices=[1, 2], vision_output_dim=48, max_num_tiles=1, supported_aspect_ratios=[[1, 1]])),
    "PaliGemmaForConditionalGeneration": None, "Qwen2VLForConditionalGeneration": dict(text_config=dict(num_hidden_layers=3, rope_parameters=dict(ROPE, mrope_section=[1, 1, 2])), vision_config=dict(hidden_size=16, embed_dim=16)), "Qwen2_5_VLForConditionalGeneration": dict(text_config=dict(rope_parameters=dict(ROPE, mrope_section=[1, 1, 2])), vision_config=dict(out_hidden_size=16, fullatt_block_indexes=[1, 3])),
    "SiglipModel": {}, "SiglipVisionModel": {}, "ViTForImageClassification": dict(num_labels=3), "ViTMAEForPreTraining": dict(decoder_hidden_size=16, decoder_num_hidden_layers=2, decoder_num_attention_heads=2, decoder_intermediate_size=24),
    "Wav2Vec2ForCTC": dict(conv_dim=[16, 16], conv_kernel=[3, 3], conv_stride=[2, 2], num_feat_extract_layers=2, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2), "HubertForCTC": dict(conv_dim=[16, 16], conv_kernel=[3, 3], conv_stride=[2, 2], num_feat_extract_layers=2, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2),
    "WhisperForConditionalGeneration": dict(num_mel_bins=8), "VisionEncoderDecoderModel": None, "EncoderDecoderModel": None,
    "ResNetForImageClassification": dict(embedding_size=8, hidden_sizes=[8, 16], depths=[2, 2]), "SwinForImageClassification": dict(embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=2), "SegformerForSemanticSegmentation": dict(depths=[1, 1], hidden_sizes=[8, 16], num_encoder_blocks=2, num_attention_heads=[1, 2], sr_ratios=[2, 1], patch_sizes=[7, 3], strides=[4, 2], mlp_ratios=[2, 2], decoder_hidden_size=16), "ConvNextForImageClassification": dict(depths=[1, 1], hidden_sizes=[8, 16], num_stages=2), "DPTForDepthEstimation": dict(backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8),
}


def configuration(kind, changes):
    """A small configuration of class `kind`, and of the classes nested in it."""
    names = set(inspect.signature(kind.__init__).parameters)
    values = {name: value for name, value in SIZES.items() if name in names}
    for name, nested in (getattr(kind, "sub_configs", None) or {}).items():
        if inspect.isclass(nested) and nested is not transformers.AutoConfig:
            values[name] = configuration(nested, changes.get(name, {}))
        elif name in changes:
            values[name] = changes[name]
    return kind(**{**values, **{name: value for name, value in changes.items() if name not in values or not isinstance(value, dict)}})


def config_of(name):
    kind = getattr(transformers, name)
    if name == "EncoderDecoderModel":
        parts = [configuration(transformers.BertConfig, c) for c in ({}, dict(is_decoder=True, add_cross_attention=True, num_hidden_layers=3))]
        return transformers.EncoderDecoderConfig.from_encoder_decoder_configs(*parts)
    if name == "VisionEncoderDecoderModel":
        parts = [configuration(transformers.ViTConfig, {}), configuration(transformers.GPT2Config, dict(add_cross_attention=True, n_layer=3))]
        return transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(*parts)
    if name == "LlavaForConditionalGeneration":
        text, vision = configuration(transformers.LlamaConfig, {}), configuration(transformers.CLIPVisionConfig, {})
        return transformers.LlavaConfig(text_config=text, vision_config=vision)
    if name == "Gemma3ForConditionalGeneration":
        text, vision = configuration(transformers.Gemma3TextConfig, dict(layer_types=LOCAL)), configuration(transformers.SiglipVisionConfig, {})
        return transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4)
    if name == "PaliGemmaForConditionalGeneration":
        text, vision = configuration(transformers.GemmaConfig, {}), configuration(transformers.SiglipVisionConfig, {})
        return transformers.PaliGemmaConfig(text_config=text, vision_config=vision, projection_dim=WIDTH)
    if name == "Idefics3ForConditionalGeneration":
        text, vision = configuration(transformers.LlamaConfig, {}), configuration(transformers.Idefics3Config.sub_configs["vision_config"], {})
        return transformers.Idefics3Config(text_config=text, vision_config=vision, scale_factor=2)
    return configuration(kind.config_class, MODELS[name])


def make(name):
    """A tiny model of the class `name`, with random values everywhere."""
    torch.manual_seed(7)
    model = getattr(transformers, name)(config_of(name))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.normal_(0, 0.2)
    return model.eval()


@functools.cache
def folders():
    """Every model in a folder of its own: a dictionary of paths by class."""
    root = pathlib.Path(_kept().name)
    for name in MODELS:
        make(name).save_pretrained(root / name)
    return {name: root / name for name in MODELS}


@functools.cache
def _kept():
    return tempfile.TemporaryDirectory(prefix="espalier-tiny-")
