import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

const restMs = 350;

interface TypedFieldProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly hint?: string;
  /** Told when somebody stops typing for a moment, or presses Enter. */
  readonly onValue: (value: string) => void;
}

/** A field that `/` goes to. */
export function TypedField({ label, value, placeholder, hint = '', onValue }: TypedFieldProps): VNode {
  const [typed, setTyped] = useState(value);
  const timer = useRef(0);
  useEffect(() => {
    setTyped(value);
    return () => window.clearTimeout(timer.current);
  }, [value]);
  const tell = (next: string): void => {
    window.clearTimeout(timer.current);
    if (next !== value) {
      onValue(next);
    }
  };
  return (
    <label class="wide">
      {label}
      <input
        type="text"
        class="mono"
        data-find
        spellcheck={false}
        autocomplete="off"
        value={typed}
        placeholder={placeholder}
        title={hint}
        onInput={(event) => {
          const next = event.currentTarget.value;
          setTyped(next);
          window.clearTimeout(timer.current);
          timer.current = window.setTimeout(() => tell(next), restMs);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') {
            tell(event.currentTarget.value);
          }
          if (event.key === 'Enter' || event.key === 'Escape') {
            event.currentTarget.blur();
          }
        }}
      />
    </label>
  );
}
