import { z } from 'zod';
import { bytes, duration } from '../../config/fields.ts';
import { defineInput, type Input, type InputRuntime } from '../../contract/input.ts';

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
  flush_after: duration('5s').describe('How long to wait for the rest of a line that ended without a newline.'),
  tags: z.record(z.string(), z.string()).default({}).describe('Added to every line where it lacks the key.'),
  container_include_log: z
    .array(z.string())
    .default([])
    .describe("DataKit's filter, such as `namespace:prod-*`. Rules about images have no effect."),
  container_exclude_log: z
    .array(z.string())
    .default([])
    .describe("DataKit's filter, such as `namespace:kube-*`. Rules about images have no effect."),
});

export const container = defineInput({
  type: 'container',
  summary: "Tails the logs of this node's containers from the kubelet's directory.",
  signals: ['logs'],
  config,
  datakit: true,
  byDefault: (where) => (where.readableDir(defaultRoot) ? {} : undefined),
  offBecause: `${defaultRoot} can't be read here; [[inputs.container]] with another root reads that`,
  create: (checked, runtime) => new LazyContainerInput(checked, runtime),
});

/** Imports the reader when it is started. */
class LazyContainerInput implements Input {
  readonly #config: z.output<typeof config>;
  readonly #runtime: InputRuntime;
  #input: Input | undefined;

  constructor(checked: z.output<typeof config>, runtime: InputRuntime) {
    this.#config = checked;
    this.#runtime = runtime;
  }

  async start(): Promise<void> {
    const { ContainerInput } = await import('./container-input.ts');
    const checked = this.#config;
    this.#input = new ContainerInput(
      {
        root: checked.root,
        ...(checked.host_root !== '' && { hostRoot: checked.host_root }),
        include: checked.include,
        exclude: checked.exclude,
        includeRules: checked.container_include_log,
        excludeRules: checked.container_exclude_log,
        from: checked.from,
        maxLineBytes: checked.max_line_bytes,
        pollIntervalMs: checked.poll_interval,
        flushAfterMs: checked.flush_after,
        tags: checked.tags,
      },
      this.#runtime,
    );
    await this.#input.start();
  }

  async stop(): Promise<void> {
    await this.#input?.stop();
  }

  status(): object {
    return this.#input?.status?.() ?? {};
  }
}
