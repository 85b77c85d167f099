import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { Choice } from './choice.tsx';
import { usePolled, useSay } from './hooks.ts';
import { type LabelMatch, labelMatchOf, matchText, ops, withMatch } from './label-match.ts';

interface LabelFilterProps {
  readonly matches: readonly string[];
  readonly onMatches: (matches: readonly string[]) => void;
  readonly names: readonly string[];
  readonly loadValues: (name: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** Changes when the values may be others. */
  readonly scope: string;
}

/** Conditions on labels: those there are as chips, and a place to add one. */
export function LabelFilter(props: LabelFilterProps): VNode {
  const { matches, onMatches, names } = props;
  const say = useSay();
  const [name, setName] = useState('');
  return (
    <fieldset class="label-filter" aria-label={say('labels')}>
      <Choice label={say('label')} value={name} any={say('addLabel')} names={names} onChoice={setName} />
      {name !== '' && (
        <Values
          {...props}
          key={name}
          name={name}
          onMatch={(match) => {
            onMatches(withMatch(matches, match));
            setName('');
          }}
        />
      )}
    </fieldset>
  );
}

/** The conditions that hold now, each with a way out. */
export function MatchChips({ matches, onMatches }: Pick<LabelFilterProps, 'matches' | 'onMatches'>): VNode {
  const say = useSay();
  return (
    <>
      {matches.map((written) => {
        const match = labelMatchOf(written);
        return (
          <span key={written} class="chip" data-match={written}>
            <span class="muted">{match?.name}</span>{' '}
            <button
              type="button"
              class="op mono"
              title={say('otherOp')}
              onClick={() => match !== undefined && onMatches(matches.map((m) => (m === written ? turned(match) : m)))}
            >
              {match?.op}
            </button>{' '}
            <b>{match?.value === '' ? '""' : match?.value}</b>
            <button
              type="button"
              class="away"
              aria-label={say('remove', { what: written })}
              onClick={() => onMatches(matches.filter((m) => m !== written))}
            >
              ×
            </button>
          </span>
        );
      })}
    </>
  );
}

interface ValuesProps extends LabelFilterProps {
  readonly name: string;
  readonly onMatch: (match: LabelMatch) => void;
}

function Values({ name, loadValues, scope, onMatch }: ValuesProps): VNode {
  const say = useSay();
  const values = usePolled((signal) => loadValues(name, signal), { everyMs: 30_000, key: `${scope} ${name}` });
  const any = values.value === undefined ? say('loading') : say('chooseValue');
  return (
    <Choice
      label={name}
      value=""
      any={values.error instanceof Error ? values.error.message : any}
      names={values.value ?? []}
      onChoice={(value) => onMatch({ name, op: '=', value })}
    />
  );
}

/** The same label and value under the next operator. */
function turned(match: LabelMatch): string {
  return matchText({ ...match, op: ops[(ops.indexOf(match.op) + 1) % ops.length] ?? '=' });
}
