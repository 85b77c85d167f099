/** The two shapes that are compared: one process that keeps what it takes, and an agent with a hub that does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BridgeStatus } from '../../../src/contract/status.ts';
import type { Signal } from '../../../src/model/batch.ts';
import { freePort } from '../../fakes/free-port.ts';
import { answers, type PeerProcess, processOf, start, until } from '../peers/peer-process.ts';

const top = fileURLToPath(new URL('../../..', import.meta.url));

export interface BenchDaemon extends PeerProcess {
  readonly name: string;
  readonly port: number;
}

export interface Shape {
  readonly name: string;
  /** The first one takes what is sent; the last one keeps it. */
  readonly daemons: readonly BenchDaemon[];
  /** Resolves when so many items of a signal are stored; with how many those are. */
  stored(signal: Signal, items: number): Promise<number>;
  stop(): Promise<void>;
}

export interface ShapeOptions {
  readonly folder: string;
  /** TOML for the one that takes what is sent. */
  readonly inputs: string;
  /** TOML for the one that keeps it. */
  readonly outputs: string;
}

const quiet = '[[inputs.container]]\n  enabled = false\n';

export async function allInOne({ folder, inputs, outputs }: ShapeOptions): Promise<Shape> {
  return shapeOf('all-in-one', [await daemon('all-in-one', folder, quiet + inputs + outputs)]);
}

export async function agentAndHub({ folder, inputs, outputs }: ShapeOptions): Promise<Shape> {
  const hub = await daemon('hub', folder, quiet + outputs);
  const output = `[[outputs.hub]]\n  urls = ["http://127.0.0.1:${hub.port}"]\n`;
  return shapeOf('agent and hub', [await daemon('agent', folder, quiet + inputs + output), hub]);
}

function shapeOf(name: string, daemons: readonly BenchDaemon[]): Shape {
  const keeper = daemons.at(-1);
  return {
    name,
    daemons,
    stored: async (signal, items) => {
      let delivered = 0;
      await until(async () => {
        delivered = await storedAt(keeper?.port ?? 0, signal);
        return delivered >= items;
      }, `${items} items of ${signal} in the store`);
      return delivered;
    },
    stop: async () => {
      for (const one of daemons) {
        await one.stop();
      }
    },
  };
}

async function storedAt(port: number, signal: Signal): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/api/native/status`);
  const { lanes } = (await response.json()) as BridgeStatus;
  const lane = lanes.find((one) => one.signal === signal);
  return lane?.outputs.find(({ output }) => output === 'store')?.delivered ?? 0;
}

async function daemon(name: string, folder: string, toml: string): Promise<BenchDaemon> {
  const place = join(folder, name);
  const config = join(place, 'conf.d');
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, 'bench.conf'), toml);
  const port = await freePort();
  const args = ['run', '--config-dir', config, '--data-dir', join(place, 'data'), '--listen', `127.0.0.1:${port}`];
  const child = start(join(top, 'bin', 'meshbridge'), args, place);
  await answers(child, `http://127.0.0.1:${port}/-/ready`, place);
  return { ...processOf(child), name, port };
}
