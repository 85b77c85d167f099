import type { DefaultsContext } from '../contract/input.ts';
import type { ConfigSource } from './reload/reloads.ts';

export interface BridgeOptions {
  readonly dataDir: string;
  readonly demo: boolean;
  /** Of the demo's Bookinfo. Default: `default`. */
  readonly demoNamespace?: string;
  readonly version: string;
  /** Where it runs. */
  readonly where: DefaultsContext;
  /** Where the API server of the cluster is looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the node, where the environment tells it. */
  readonly nodeName?: string;
  /** Aborted to end the process in good order. */
  readonly signal: AbortSignal;
  /** Absent where the configuration stays as it is. */
  readonly configSource?: ConfigSource;
  /** What is mounted where. Default: `/proc/self/mountinfo`. */
  readonly mountInfoPath?: string;
  /** Takes the banner. */
  readonly print: (text: string) => void;
}
