import type { VNode } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useKeys, useSay } from './hooks.ts';
import type { Route } from './route.ts';
import type { TextKey } from './texts.ts';

type Keys = readonly (readonly [keys: string, text: TextKey])[];

const everywhere: Keys = [
  ['1 2 3 4 5 6 7', 'keyTabs'],
  ['/', 'keyFind'],
  ['Esc', 'keyBack'],
  ['?', 'keyHelp'],
];

const ofPage: Readonly<Record<Route['page'], Keys>> = {
  flow: [],
  metrics: [['↑ ↓ Enter', 'keyMetric']],
  traces: [['↑ ↓ Enter', 'keyTraces']],
  services: [],
  trace: [
    ['↑ ↓ ← →', 'keySpans'],
    ['Enter', 'keySpan'],
    ['f', 'keyFlame'],
    ['l', 'keyLogs'],
  ],
  logs: [['↑ ↓ Enter', 'keyLines']],
  rum: [],
  targets: [['↑ ↓ Enter', 'keyTargets']],
  setup: [],
  demo: [],
};

/** What the keys do here; `?` opens it, Esc closes it. */
export function Help({ route }: { readonly route: Route }): VNode | null {
  const say = useSay();
  const [open, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys((event) => {
    if (event.key !== '?') {
      return false;
    }
    setOpen(!open);
    return true;
  });
  useLayoutEffect(() => {
    if (open) {
      dialog.current?.showModal();
    } else {
      dialog.current?.close();
    }
  }, [open]);
  return (
    <dialog ref={dialog} class="help" aria-label={say('keyHelp')} onClose={() => setOpen(false)}>
      <h2>{say('keysTitle')}</h2>
      <dl>
        {[...everywhere, ...ofPage[route.page]].map(([keys, text]) => (
          <div key={keys + text}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{say(text)}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">{say('close')}</button>
      </form>
    </dialog>
  );
}
