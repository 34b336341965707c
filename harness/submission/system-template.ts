// A systems/<system>.json to begin with: all fields, the ones that this machine tells filled in.

import type { System } from '../environment.js';
import { emptySystemFields, filledSystemFields, measurementFields } from './system-description.js';

/** Every value is a text; what only the submitter knows is left empty, which packaging refuses until it is filled. */
export function fillSystemTemplate(
  system: System,
): Readonly<Record<string, string | Readonly<Record<string, string>>>> {
  const gpu = system.gpus[0];
  const gibibytes = (bytes: number) => `${Math.round(bytes / 2 ** 30)} GiB`;
  const known: Readonly<Record<string, string>> = {
    division: '',
    submitter: '',
    system_name: system.host,
    number_of_nodes: '1',
    host_processor_model_name: system.cpu,
    host_processors_per_node: '1',
    host_processor_core_count: String(system.cores),
    host_memory_capacity: gibibytes(system.memoryBytes),
    accelerators_per_node: String(system.gpus.length),
    accelerator_model_name: gpu?.name ?? 'N/A',
    accelerator_memory_capacity: gpu === undefined ? 'N/A' : gibibytes(gpu.memoryBytes),
    framework: 'loadmark',
    operating_system: system.os,
    other_software_stack: `Node.js ${system.node}${gpu === undefined ? '' : `, driver ${gpu.driver}`}`,
  };
  const filled = filledSystemFields.map((key) => [key, known[key] ?? '']);
  const empty = emptySystemFields.map((key) => [key, '']);
  const asked = Object.keys(measurementFields).map((key) => [key, '']);
  return {
    ...(Object.fromEntries([...filled, ...empty]) as Readonly<Record<string, string>>),
    // Goes to the measurements.json of each result, and not into the description.
    measurements: Object.fromEntries(asked) as Readonly<Record<string, string>>,
  };
}
