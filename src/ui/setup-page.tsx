import type { VNode } from 'preact';
import { useContext } from 'preact/hooks';
import { Copyable } from './copyable.tsx';
import { Failure } from './failure.tsx';
import { countText } from './format.ts';
import { LanguageContext, usePolled, useSay } from './hooks.ts';
import { type LightView, lightStates, loadSetup } from './setup-api.ts';
import { setupZh } from './setup-zh.ts';
import './targets.css';
import type { TextKey } from './texts.ts';

/** What a whole set-up needs, each as a light with what turns it green. */
export function SetupPage({ live }: { readonly live: boolean }): VNode {
  const say = useSay();
  const setup = usePolled(loadSetup, { everyMs: 5_000, key: 'setup', paused: !live });
  if (setup.value === undefined) {
    return setup.error === undefined ? <p class="empty">{say('loading')}</p> : <Failure error={setup.error} />;
  }
  const { lights } = setup.value;
  const wanting = lights.filter(({ state }) => state === 'red' || state === 'yellow');
  return (
    <section class="panel setup" aria-label={say('setup')}>
      <h2>
        {wanting.length === 0
          ? say('setupGood')
          : wanting.length === 1
            ? say('setupWantingOne')
            : say('setupWanting', { count: countText(wanting.length) })}
        <span class="counts">
          {lightStates.map((state) => (
            <span key={state} data-count={state}>
              <span class={`dot ${tones[state]}`} aria-hidden="true" />{' '}
              {countText(lights.filter((light) => light.state === state).length)} {say(stateTexts[state])}
            </span>
          ))}
        </span>
      </h2>
      <ul>
        {lights.map((light) => (
          <LightRow key={light.id} light={light} />
        ))}
      </ul>
      <p class="muted hint pad">{say('setupDoctor')}</p>
    </section>
  );
}

const tones: Readonly<Record<LightView['state'], string>> = { green: 'good', yellow: 'warn', red: 'bad', unknown: '' };
const stateTexts: Readonly<Record<LightView['state'], TextKey>> = {
  red: 'lightRed',
  yellow: 'lightYellow',
  green: 'lightGreen',
  unknown: 'lightUnknown',
};

const titles: Readonly<Record<string, TextKey>> = {
  agents: 'setupAgents',
  hub: 'setupHub',
  kubernetes: 'setupKubernetes',
  sidecars: 'setupSidecars',
  istiod: 'setupIstiod',
  histograms: 'setupHistograms',
  spans: 'setupSpans',
  sampling: 'setupSampling',
  headers: 'setupHeaders',
  clock: 'setupClock',
  'access-log': 'setupAccessLog',
  outputs: 'setupOutputs',
  queue: 'setupQueue',
  disk: 'setupDisk',
  configuration: 'setupConfiguration',
};

function LightRow({ light }: { readonly light: LightView }): VNode {
  const say = useSay();
  const language = useContext(LanguageContext);
  const { id, state, snippet } = light;
  const [kind = '', ...name] = id.split('.');
  const title = titles[kind];
  const { seen, todo } = language === 'zh' ? inChinese(light) : light;
  return (
    <li data-light={id} data-state={state}>
      <p class="name">
        <span class={`dot ${tones[state]}`} role="img" aria-label={say(stateTexts[state])} />
        {title === undefined ? id : say(title)}
        {name.length > 0 && <span class="muted">{name.join('.')}</span>}
      </p>
      <div class="says">
        <p>{seen}</p>
        {state !== 'green' && todo !== undefined && <p class="todo">{linked(todo)}</p>}
        {state !== 'green' && snippet !== undefined && <Copyable text={snippet} />}
        {state === 'green' && snippet !== undefined && todo !== undefined && (
          <details>
            <summary class="muted">{todo}</summary>
            <Copyable text={snippet} />
          </details>
        )}
      </div>
    </li>
  );
}

/** A sentence that this page does not know, of a newer daemon, stays as it is. */
function inChinese({ text, values, seen, todo }: LightView): Pick<LightView, 'seen' | 'todo'> {
  const known = setupZh[text];
  const filled = (sentence: string): string => sentence.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
  if (known === undefined) {
    return { seen, ...(todo !== undefined && { todo }) };
  }
  return { seen: filled(known.seen), ...(known.todo !== undefined && { todo: filled(known.todo) }) };
}

/** An address at the end of a sentence can be followed. */
function linked(sentence: string): VNode {
  const [, before = sentence, url] = /^(.*?)(https?:\/\/\S+)$/s.exec(sentence) ?? [];
  return (
    <>
      {before}
      {url !== undefined && <a href={url}>{url}</a>}
    </>
  );
}
