import { z } from 'zod';
import { bytes, duration } from '../../config/fields.ts';
import { defineInput, type Input, type InputDefinition, type InputRuntime } from '../../contract/input.ts';
import type { PodView } from '../../kube/node-pods.ts';
import { contentKeys } from './content-keys.ts';
import { dataKitKeys } from './datakit-keys.ts';

const defaultRoot = '/var/log/pods';

const config = z.strictObject({
  root: z
    .string()
    .min(1, 'is empty; write the directory that holds the pods’ logs')
    .default(defaultRoot)
    .describe(
      "The kubelet's log directory: `<namespace>_<pod>_<uid>/<container>/<n>.log`, files or links to docker's.",
    ),
  host_root: z
    .string()
    .default('')
    .describe(
      "Where the node's file system is mounted, if it is: `root` and what links lead to are below it. Environment: `HOST_ROOT`.",
    ),
  kubelet_root: z
    .string()
    .min(1)
    .default('/var/lib/kubelet')
    .describe("The kubelet's own directory: files in `emptyDir` volumes, which annotations name, are read below it."),
  include: z
    .array(z.string())
    .default([])
    .describe('Read only these, as `namespace/pod/container`; `*` and `?` stand for characters of one part.'),
  exclude: z.array(z.string()).default([]).describe('Leave these out; written as `include` is.'),
  from: z
    .enum(['beginning', 'end'])
    .default('beginning')
    .describe('Where to begin with files that are there at the first start. Later files are read from the beginning.'),
  max_line_bytes: bytes('1MiB').describe('A longer line is cut there and marked; the rest of it is left out.'),
  poll_interval: duration('200ms').describe(
    'How often files that grow are read; quiet ones are looked at once a second.',
  ),
  max_pinned_bytes: bytes('1GiB').describe(
    'How much disk deleted files may take that are held open until they are read; the oldest go first, counted as missed.',
  ),
  max_pinned_age: duration('6h').describe('How long a deleted file is held open at most.'),
  flush_after: duration('5s').describe('How long to wait for the rest of a line that ended without a newline.'),
  tags: z.record(z.string(), z.string()).default({}).describe('Added to every line where it lacks the key.'),
  timestamp: z
    .enum(['runtime', 'read'])
    .default('runtime')
    .describe("Whose time lines have: the container runtime's, or as in DataKit that of the reading."),
  ...contentKeys,
  ...dataKitKeys,
});

export type ContainerConfig = z.output<typeof config>;

/** What others know that it can use. */
export interface ContainerSurroundings {
  /** The pods of this node. */
  readonly pods?: PodView;
}

export function defineContainer(surroundings: ContainerSurroundings = {}): InputDefinition<typeof config> {
  return defineInput({
    type: 'container',
    summary: "Tails the logs of this node's containers from the kubelet's directory.",
    signals: ['logs'],
    config,
    datakit: true,
    byDefault: (where) => (where.readableDir(defaultRoot) ? {} : undefined),
    offBecause: `${defaultRoot} can't be read here; [[inputs.container]] with another root reads that`,
    faults: faultsOf,
    create: (checked, runtime) => new LazyContainerInput(checked, runtime, surroundings),
  });
}

export const container = defineContainer();

async function faultsOf(checked: ContainerConfig): Promise<readonly string[]> {
  const [{ LogDescriber }, { optionsOf }] = await Promise.all([
    import('./log-description.ts'),
    import('./container-options.ts'),
  ]);
  return new LogDescriber(optionsOf(checked, undefined).description).wrongForAll;
}

/** Imports the reader when it is started. */
class LazyContainerInput implements Input {
  readonly #config: ContainerConfig;
  readonly #runtime: InputRuntime;
  readonly #surroundings: ContainerSurroundings;
  #input: Input | undefined;

  constructor(checked: ContainerConfig, runtime: InputRuntime, surroundings: ContainerSurroundings) {
    this.#config = checked;
    this.#runtime = runtime;
    this.#surroundings = surroundings;
  }

  async start(): Promise<void> {
    const [{ ContainerInput }, { optionsOf }] = await Promise.all([
      import('./container-input.ts'),
      import('./container-options.ts'),
    ]);
    this.#input = new ContainerInput(optionsOf(this.#config, this.#surroundings.pods), this.#runtime);
    await this.#input.start();
  }

  async stop(): Promise<void> {
    await this.#input?.stop();
  }

  status(): object {
    return this.#input?.status?.() ?? {};
  }

  warnings(): readonly string[] {
    return this.#input?.warnings?.() ?? [];
  }
}
