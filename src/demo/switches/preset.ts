import type { DemoSwitch } from '../../contract/demo.ts';
import type { DemoState } from '../state/demo-state.ts';

/** One switch. Its functions are pure; on twice is on. */
export interface Preset extends Omit<DemoSwitch, 'isOn'> {
  isOn(state: DemoState): boolean;
  on(state: DemoState): DemoState;
  /** A text: why it cannot be switched off, and what to do. */
  readonly off: ((state: DemoState) => DemoState) | string;
  /** It goes off by itself after so long. */
  readonly forMs?: number;
}
