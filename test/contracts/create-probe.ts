import { createHook } from 'node:async_hooks';
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { registerHooks, syncBuiltinESMExports } from 'node:module';
import type { InputDefinition } from '../../src/contract/input.ts';
import type { OutputDefinition } from '../../src/contract/output.ts';

/**
 * Run as a process of its own by registry-contract.ts: imports the lists of components, creates one of each, and prints what
 * was loaded and what was touched. Arguments: minimal configurations as JSON, by `inputs.<type>` and `outputs.<type>`; the
 * modules that export `inputs` and `outputs`, if not those of the program.
 */
export interface ProbeReport {
  /** Packages that importing the lists loads. */
  readonly packages: readonly string[];
  readonly components: readonly {
    readonly id: string;
    /** Why its configuration is not valid, where it is not. */
    readonly fault?: string;
    /** I/O that `create` began. */
    readonly touched: readonly string[];
    /** Packages that `create` loaded. */
    readonly loaded: readonly string[];
  }[];
}

const packages = new Set<string>();
const touched: string[] = [];
const quiet = new Set(['PROMISE', 'TickObject', 'Microtask', 'Immediate']);
let armed = false;

registerHooks({
  load: (url, context, next) => {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
    if (name !== undefined) {
      packages.add(name);
    }
    return next(url, context);
  },
});
watchSync('fs', fs);
watchSync('child_process', childProcess);
syncBuiltinESMExports();
createHook({
  init: (_id, type) => {
    if (armed && !quiet.has(type)) {
      touched.push(type);
    }
  },
}).enable();

const [inputsPath = '../../src/inputs/index.ts', outputsPath = '../../src/outputs/index.ts'] = process.argv.slice(3);
const { inputs } = (await import(inputsPath)) as { readonly inputs: readonly InputDefinition[] };
const { outputs } = (await import(outputsPath)) as { readonly outputs: readonly OutputDefinition[] };
const { fakeInputRuntime } = await import('../fakes/input-runtime.ts');
const { fakeRuntime } = await import('../fakes/runtime.ts');
const { plainSpanDecoder } = await import('../fakes/requests.ts');

const minimal: Readonly<Record<string, unknown>> = JSON.parse(process.argv[2] ?? '{}');
const atImport = [...packages].sort();
const report: ProbeReport = {
  packages: atImport,
  components: [
    ...inputs.map((definition) => probe(`inputs.${definition.type}`, definition)),
    ...outputs.map((definition) => probe(`outputs.${definition.type}`, definition)),
  ],
};
process.stdout.write(JSON.stringify(report));

function probe(id: string, definition: InputDefinition | OutputDefinition): ProbeReport['components'][number] {
  const parsed = definition.config.safeParse(minimal[id] ?? {});
  if (!parsed.success) {
    return { id, fault: parsed.error.message, touched: [], loaded: [] };
  }
  const before = packages.size;
  touched.length = 0;
  const runtime = { ...fakeInputRuntime(), ...fakeRuntime(), name: definition.type, decode: plainSpanDecoder };
  armed = true;
  try {
    definition.create(parsed.data, runtime);
  } finally {
    armed = false;
  }
  return { id, touched: [...touched], loaded: [...packages].slice(before) };
}

function watchSync(module: string, exports: object): void {
  const functions = exports as Record<string, unknown>;
  for (const [name, original] of Object.entries(functions)) {
    if (typeof original === 'function' && name.endsWith('Sync')) {
      functions[name] = function watched(this: unknown, ...args: unknown[]): unknown {
        if (armed) {
          touched.push(`${module}.${name}`);
        }
        return Reflect.apply(original, this, args);
      };
    }
  }
}
