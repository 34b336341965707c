// Which fields does systems/<system>.json have to hold? The names and their rules, as MLCommons' checker has them.

/** Fields that must hold something; the number 0 counts as nothing, the text "0" does not. */
export const filledSystemFields = [
  'division',
  'submitter',
  'status',
  'system_type',
  'system_name',
  'number_of_nodes',
  'host_processor_model_name',
  'host_processors_per_node',
  'host_processor_core_count',
  'host_memory_capacity',
  'host_memory_configuration',
  'host_storage_capacity',
  'host_storage_type',
  'host_networking',
  'host_network_card_count',
  'host_networking_topology',
  'accelerators_per_node',
  'accelerator_model_name',
  'accelerator_memory_capacity',
  'accelerator_host_interconnect',
  'accelerator_memory_configuration',
  'accelerator_interconnect',
  'cooling',
  'framework',
  'operating_system',
  'other_software_stack',
] as const;

/** Fields that must be there and may be empty. */
export const emptySystemFields = [
  'host_processor_frequency',
  'host_processor_caches',
  'host_processor_interconnect',
  'accelerator_frequency',
  'accelerator_interconnect_topology',
  'accelerator_on-chip_memories',
  'hw_notes',
  'sw_notes',
  'system_type_detail',
] as const;

/** Fields that must read as whole numbers. */
export const wholeSystemFields = ['number_of_nodes', 'accelerators_per_node'] as const;

export const systemStatuses = ['available', 'preview', 'rdi'] as const;

export const systemTypes = ['datacenter', 'edge', 'datacenter,edge', 'edge,datacenter'] as const;

/** Fields of measurements.json that only the submitter knows, with what to write there. */
export const measurementFields = {
  input_data_types: 'the types of what the system is fed, such as int32 for token ids',
  retraining: 'whether the model was trained again: No, or what was done',
} as const;
