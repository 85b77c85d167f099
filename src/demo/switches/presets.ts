import type { DemoState, PageQuirk } from '../state/demo-state.ts';
import type { Preset } from './preset.ts';
import { routings } from './routing.ts';
import { usualState } from './usual-state.ts';

const burstPagesPerSecond = 30;
const burstMs = 60_000;

type Setting = Partial<Omit<DemoState, 'virtualServices' | 'destinationRules' | 'pageQuirks'>>;

/** A switch of settings alone: off, they are as usual. */
function setting(
  preset: Pick<Preset, 'name' | 'group' | 'summary' | 'forMs'>,
  set: Setting,
  namespace: string,
): Preset {
  const names = Object.keys(set) as (keyof Setting)[];
  const usual = usualState(namespace);
  return {
    ...preset,
    isOn: (state) => names.every((name) => JSON.stringify(state[name]) === JSON.stringify(set[name])),
    on: (state) => ({ ...state, ...set }),
    off: (state) => ({ ...state, ...Object.fromEntries(names.map((name) => [name, usual[name]])) }),
  };
}

function quirk(name: string, summary: string, is: PageQuirk): Preset {
  return {
    name,
    group: 'metrics pages',
    summary,
    isOn: ({ pageQuirks }) => pageQuirks.includes(is),
    on: (state) => ({ ...state, pageQuirks: [...state.pageQuirks.filter((one) => one !== is), is] }),
    off: (state) => ({ ...state, pageQuirks: state.pageQuirks.filter((one) => one !== is) }),
  };
}

/** All switches, in the order in which they are shown. */
export function presetsOf(namespace: string): readonly Preset[] {
  const of = (preset: Parameters<typeof setting>[0], set: Setting) => setting(preset, set, namespace);
  return [
    ...routings.map((make) => make(namespace)),
    of(
      {
        name: 'timeouts-repaired',
        group: 'faults',
        summary: 'reviews waits 2.5 s for ratings instead of 10, so that productpage has its answer in time.',
      },
      { timeoutsRepaired: true },
    ),
    of(
      {
        name: 'one-percent-sampling',
        group: 'telemetry',
        summary: 'One request in a hundred is traced, as Istio does where nobody says otherwise.',
      },
      { samplingPercent: 1 },
    ),
    of(
      {
        name: 'lost-trace-headers',
        group: 'telemetry',
        summary: 'reviews does not pass on the x-b3 headers: its calls to ratings begin traces of their own.',
      },
      { appsWithoutTraceHeaders: ['reviews'] },
    ),
    of(
      {
        name: 'istiod-replica-down',
        group: 'cluster',
        summary: 'One of the two replicas of istiod does not answer its scrapes.',
      },
      { istiodDown: 1 },
    ),
    of(
      {
        name: 'crash-loop',
        group: 'cluster',
        summary: 'The container of details-v1 ends and is started again, again and again.',
      },
      { crashLoop: 'details-v1' },
    ),
    of(
      {
        name: 'burst',
        group: 'cluster',
        summary: `${burstPagesPerSecond} pages a second for one minute.`,
        forMs: burstMs,
      },
      { pagesPerSecond: burstPagesPerSecond },
    ),
    quirk('page-without-type', 'The merged pages of metrics have no content type.', 'no content type'),
    quirk('page-empty-labels', 'Names without labels have {} behind them.', 'empty labels'),
    quirk('page-repeated-types', 'A family has its # TYPE in each part of the merged page.', 'repeated types'),
    quirk('page-failing-app', "The application's part of the merged pages cannot be had.", 'failing app'),
  ];
}
