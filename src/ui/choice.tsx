import type { VNode } from 'preact';

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  /** What stands for no choice. */
  readonly any: string;
  readonly names: readonly string[];
  readonly onChoice: (name: string) => void;
}

/** One name of many, or none. A name that is not offered any more stays while it is chosen. */
export function Choice({ label, value, any, names, onChoice }: ChoiceProps): VNode {
  const offered = value === '' || names.includes(value) ? names : [value, ...names];
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChoice(event.currentTarget.value)}>
        <option value="">{any}</option>
        {offered.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
