// What about a checkpoint is doubtful beside its tensors? The tokenizer, and fields of config.json that nobody reads.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '../datasets/index.js';
import type { ModelInspection } from '../native/index.js';
import { isFile } from './config-files.js';
import { messageOf } from './errors.js';

/** Read by native/model's configurations, be it to refuse them. */
const readFields = `architectures model_type num_hidden_layers hidden_size intermediate_size vocab_size
  num_attention_heads num_key_value_heads head_dim max_position_embeddings rope_theta rope_scaling rope_parameters
  partial_rotary_factor rms_norm_eps hidden_act attention_bias mlp_bias tie_word_embeddings bos_token_id eos_token_id
  quantization_config n_embd n_head n_inner n_layer n_positions rotary_dim layer_norm_epsilon activation_function
  scale_attn_weights sliding_window use_sliding_window max_window_layers layer_types sliding_window_pattern alibi
  attention_chunk_size attention_multiplier attn_logit_softcapping clip_qkv dim_model_base embedding_multiplier
  final_logit_softcapping logit_scale logits_scaling moe_intermediate_size no_rope_layers num_experts num_local_experts
  position_embedding_type qk_layernorm query_pre_attn_scalar residual_multiplier scale_depth scale_emb use_dynamic_ntk
  use_logn_attn use_mrope use_qk_norm vision_config`;
/** Without effect on what a model computes when it is run. */
const idleFields = `pad_token_id torch_dtype dtype transformers_version use_cache initializer_range pretraining_tp
  attention_dropout attn_pdrop embd_pdrop resid_pdrop gradient_checkpointing summary_activation summary_first_dropout
  summary_proj_to_labels summary_type summary_use_proj task_specific_params tokenizer_class _name_or_path auto_map
  unsloth_version unsloth_fixed transformers.js_config`;
const knownFields = new Set(`${readFields} ${idleFields}`.split(/\s+/));

export async function findModelDoubts(
  folder: string,
  { quantization, linears, vocabSize }: ModelInspection,
): Promise<string[]> {
  const doubts: string[] = [];
  const isFloat = linears.every(({ stored }) => stored === null || /^(fp|bf)/.test(stored));
  if (quantization !== null && isFloat) {
    doubts.push(`config.json says ${quantization.method}, but every linear is stored as floats`);
  }
  doubts.push(...findUnknownFields(folder), ...(await findTokenizerDoubts(folder, vocabSize)));
  return doubts;
}

function findUnknownFields(folder: string): string[] {
  if (isFile(folder)) return [];
  const config: object = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  const unknown = Object.keys(config).filter((name) => !knownFields.has(name));
  if (unknown.length === 0) return [];
  const fields = unknown.length === 1 ? 'field' : 'fields';
  return [`config.json has ${fields} that the engine does not read: ${unknown.join(', ')}`];
}

async function findTokenizerDoubts(folder: string, vocabSize: number): Promise<string[]> {
  const names = ['tokenizer.json', 'tokenizer.model'];
  if (!isFile(folder) && !names.some((name) => existsSync(join(folder, name)))) {
    return ['the tokenizer is missing: there is no tokenizer.json and no tokenizer.model'];
  }
  try {
    const { vocabSize: known } = (await loadTokenizer(folder)) as { readonly vocabSize?: number };
    if (known !== undefined && known > vocabSize) {
      return [`the tokenizer has ${known} tokens, the model a vocabulary of ${vocabSize}`];
    }
    return [];
  } catch (error) {
    return [`the tokenizer cannot be used: ${messageOf(error)}`];
  }
}
