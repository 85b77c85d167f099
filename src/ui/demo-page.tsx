import type { VNode } from 'preact';
import { useContext, useState } from 'preact/hooks';
import { Copyable } from './copyable.tsx';
import { type DemoView, loadDemo, type SwitchView, setLoad, turnSwitch } from './demo-api.ts';
import { placesToLook } from './demo-looks.ts';
import { demoZh } from './demo-zh.ts';
import './demo.css';
import { LanguageContext, usePolled, useSay } from './hooks.ts';
import { hashOf } from './route.ts';
import type { TextKey } from './texts.ts';

const loads = [0, 1, 2, 5, 10, 20, 30] as const;
const groupTexts: Readonly<Record<string, TextKey>> = {
  routing: 'demoRouting',
  faults: 'demoFaults',
  telemetry: 'demoTelemetry',
  cluster: 'demoCluster',
  'metrics pages': 'demoMetricsPages',
};
const commands = `meshbridge demo list
meshbridge demo set ratings-delay on
meshbridge demo apply -f virtual-service-ratings-test-delay.yaml`;

type Act = (work: (signal: AbortSignal) => Promise<DemoView>, name: string) => void;

/** The switches of the demo mesh, what is on, and where to look at what they do. */
export function DemoPage({ live }: { readonly live: boolean }): VNode {
  const say = useSay();
  const [turns, setTurns] = useState(0);
  const [busy, setBusy] = useState('');
  const [failed, setFailed] = useState('');
  const demo = usePolled(loadDemo, { everyMs: 3_000, key: `demo ${turns}`, paused: !live });
  const [known, setKnown] = useState<DemoView>();
  const view = demo.value ?? known;
  const act: Act = (work, name) => {
    setBusy(name);
    setFailed('');
    work(AbortSignal.timeout(60_000))
      .then(setKnown, (error: unknown) => setFailed(error instanceof Error ? error.message : String(error)))
      .finally(() => {
        setBusy('');
        setTurns((before) => before + 1);
      });
  };
  if (view === undefined) {
    return (
      <p class={demo.error === undefined ? 'empty' : 'notice bad'}>
        {demo.error instanceof Error ? demo.error.message : say('loading')}
      </p>
    );
  }
  return (
    <section class="demo" aria-label={say('demoTitle')}>
      <Head view={view} act={act} />
      {failed !== '' && (
        <p class="notice bad" role="alert">
          {failed}
        </p>
      )}
      {view.groups.map((group) => (
        <Group key={group} group={group} view={view} busy={busy} act={act} />
      ))}
      <section class="panel">
        <h2>{say('demoRules')}</h2>
        <ul class="rules">
          {view.rules.map((rule) => (
            <li key={rule}>{rule}</li>
          ))}
        </ul>
        <p class="muted pad">{say('demoCommand')}</p>
        <div class="pad">
          <Copyable text={`${commands}\nkubectl --kubeconfig ${view.kubeconfig} get pods`} />
        </div>
      </section>
    </section>
  );
}

function Head({ view, act }: { readonly view: DemoView; readonly act: Act }): VNode {
  const say = useSay();
  const rates = [...new Set([...loads, view.pagesPerSecond])].sort((a, b) => a - b);
  const choose = (event: Event): void => {
    if (event.currentTarget instanceof HTMLSelectElement) {
      const rate = Number(event.currentTarget.value);
      act((signal) => setLoad(rate, signal), 'load');
    }
  };
  return (
    <section class="panel head">
      <p>
        {say('demoIntro')} {say('demoSignIn')}
      </p>
      <p class="acts">
        <a class="button" href={view.productpage} target="_blank" rel="noreferrer">
          {say('demoOpen')}
        </a>
        <label>
          {say('demoLoad')}{' '}
          <select value={String(view.pagesPerSecond)} onChange={choose} data-load={view.pagesPerSecond}>
            {rates.map((rate) => (
              <option key={rate} value={String(rate)}>
                {say('demoPages', { count: String(rate) })}
              </option>
            ))}
          </select>
        </label>
      </p>
    </section>
  );
}

interface GroupProps {
  readonly group: string;
  readonly view: DemoView;
  /** Name of the switch that is being turned. */
  readonly busy: string;
  readonly act: Act;
}

function Group({ group, view, busy, act }: GroupProps): VNode {
  const say = useSay();
  const title = groupTexts[group];
  return (
    <section class="panel" data-group={group}>
      <h2>{title === undefined ? group : say(title)}</h2>
      <ul class="switches">
        {view.switches
          .filter((one) => one.group === group)
          .map((one) => (
            <SwitchRow key={one.name} one={one} namespace={view.namespace} busy={busy} act={act} />
          ))}
      </ul>
    </section>
  );
}

interface RowProps extends Pick<GroupProps, 'busy' | 'act'> {
  readonly one: SwitchView;
  readonly namespace: string;
}

function SwitchRow({ one, namespace, busy, act }: RowProps): VNode {
  const say = useSay();
  const language = useContext(LanguageContext);
  const { name, isOn, summary } = one;
  const state = busy === name ? say('demoTurning') : say(isOn ? 'demoOn' : 'demoOff');
  return (
    <li data-switch={name} data-on={isOn}>
      <button
        type="button"
        role="switch"
        aria-checked={isOn}
        aria-label={name}
        disabled={busy !== ''}
        onClick={() => act((signal) => turnSwitch(name, !isOn, signal), name)}
      >
        <i aria-hidden="true" />
        {state}
      </button>
      <code>{name}</code>
      <p>{language === 'zh' ? (demoZh[name] ?? summary) : summary}</p>
      <p class="muted looks">
        {say('demoLook')}{' '}
        {placesToLook(name, namespace).map(({ text, route }) => (
          <a key={hashOf(route)} href={hashOf(route)}>
            {say(text)}
          </a>
        ))}
      </p>
    </li>
  );
}
