import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useSay } from './hooks.ts';

/** A command or piece of configuration, and a button that takes it along. */
export function Copyable({ text }: { readonly text: string }): VNode {
  const say = useSay();
  const [copied, setCopied] = useState(false);
  useEffect(() => setCopied(false), [text]);
  const copy = (): void => {
    navigator.clipboard?.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <div class="copyable">
      <pre class="snippet">
        <code>{text}</code>
      </pre>
      <button type="button" class="quiet" onClick={copy} data-copied={copied}>
        {say(copied ? 'copied' : 'copy')}
      </button>
    </div>
  );
}
