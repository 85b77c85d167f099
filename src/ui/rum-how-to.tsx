import type { VNode } from 'preact';
import type { StatusView } from './api.ts';
import { Copyable } from './copyable.tsx';
import { useSay } from './hooks.ts';
import { rumSnippet } from './how-to.tsx';

/** What to paste into a page so that it sends. */
export function RumHowTo({ status }: { readonly status: StatusView | undefined }): VNode {
  const say = useSay();
  return (
    <div class="panel pad how-to rum-how-to">
      <p>
        <b>{say('noRumYet')}</b>
      </p>
      <Copyable text={rumSnippet(status)} />
      <p class="muted">{say('rumSnippetWhat')}</p>
    </div>
  );
}
