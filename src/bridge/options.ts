import type { DefaultsContext } from '../contract/input.ts';

export interface BridgeOptions {
  readonly dataDir: string;
  readonly demo: boolean;
  readonly version: string;
  /** Where it runs. */
  readonly where: DefaultsContext;
  /** Where the API server of the cluster is looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the node, where the environment tells it. */
  readonly nodeName?: string;
  /** Aborted to end the process in good order. */
  readonly signal: AbortSignal;
  /** Takes the banner. */
  readonly print: (text: string) => void;
}
