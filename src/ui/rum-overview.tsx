import type { VNode } from 'preact';
import { clockText, countText, exactText, momentText } from './format.ts';
import { useSay } from './hooks.ts';
import { type Overview, type Vital, type VitalName, vitalNames } from './rum-api.ts';
import { msText, type Rating, ratingOf, vitalText } from './rum-rating.ts';
import type { TextKey } from './texts.ts';

const ratingTexts: Readonly<Record<Rating, TextKey>> = { good: 'ratingGood', fair: 'ratingFair', poor: 'ratingPoor' };

/** How many came and how it went for them. */
export function Totals({ overview }: { readonly overview: Overview }): VNode {
  const say = useSay();
  const { totals, exact } = overview;
  const cards: readonly (readonly [TextKey, string, string])[] = [
    ['pageViews', 'views', countText(totals['views'] ?? 0)],
    ['visitors', 'users', countText(totals['users'] ?? 0)],
    ['sessions', 'sessions', countText(totals['sessions'] ?? 0)],
    ['rumErrors', 'errors', countText(totals['errors'] ?? 0)],
    ['timeOnPage', 'timeSpentMs', msText(totals['timeSpentMs'])],
  ];
  return (
    <dl class="rum-totals">
      {cards.map(([label, field, value]) => (
        <div key={field} class="panel">
          <dt class="muted">{say(label)}</dt>
          <dd data-field={field} title={exact ? undefined : say('estimated')}>
            {exact ? '' : '≈ '}
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface TimesProps {
  readonly overview: Overview;
  readonly onSelect: (startMs: number, endMs: number) => void;
}

/** Page views upwards, errors downwards; a click chooses that time. */
export function Times({ overview, onSelect }: TimesProps): VNode {
  const say = useSay();
  const { views, errors, startMs, stepMs } = overview;
  const topViews = Math.max(1, ...views);
  const topErrors = Math.max(1, ...errors);
  return (
    <section class="panel rum-times" aria-label={say('viewsAndErrors')}>
      <div class="rum-bars">
        {views.map((count, i) => {
          const atMs = startMs + i * stepMs;
          const failed = errors[i] ?? 0;
          const label = say('viewsAt', {
            time: momentText(atMs).slice(0, 19),
            views: exactText(count),
            errors: exactText(failed),
          });
          return (
            // Keys have the time picker.
            <button key={atMs} type="button" tabIndex={-1} title={label} onClick={() => onSelect(atMs, atMs + stepMs)}>
              <span>
                <i class="views" style={{ height: `${(count / topViews) * 100}%` }} />
              </span>
              <span>
                <i class="errors" style={{ height: `${(failed / topErrors) * 100}%` }} />
              </span>
            </button>
          );
        })}
      </div>
      <p class="muted rum-axis">
        <span>{clockText(startMs).slice(0, 8)}</span>
        <span>{clockText(startMs + views.length * stepMs).slice(0, 8)}</span>
      </p>
    </section>
  );
}

export function VitalCards({ overview }: { readonly overview: Overview }): VNode {
  const say = useSay();
  return (
    <section aria-label={say('vitals')} class="rum-vitals">
      {vitalNames.map((name) => (
        <VitalCard key={name} name={name} vital={overview.vitals[name]} />
      ))}
    </section>
  );
}

function VitalCard({ name, vital }: { readonly name: VitalName; readonly vital: Vital }): VNode {
  const say = useSay();
  const { p75, count, good, fair, poor } = vital;
  const rating = p75 === undefined ? undefined : ratingOf(name, p75);
  const shares = say('vitalShares', { good: share(good), fair: share(fair), poor: share(poor) });
  return (
    <div class="panel pad" data-vital={name} data-rating={rating}>
      <h3 title={say(name)}>
        {name.toUpperCase()} <span>{say(name)}</span>
      </h3>
      <p class={`big ${rating ?? ''}`}>
        {vitalText(name, p75)} {rating !== undefined && <small>{say(ratingTexts[rating])}</small>}
      </p>
      {count > 0 && (
        <p class="shares" role="img" aria-label={shares} title={shares}>
          <i class="good" style={{ flexGrow: good }} />
          <i class="fair" style={{ flexGrow: fair }} />
          <i class="poor" style={{ flexGrow: poor }} />
        </p>
      )}
      <p class="muted">{count === 0 ? say('vitalNone') : say('vitalsOf', { count: countText(count) })}</p>
    </div>
  );

  function share(part: number): string {
    return `${Math.round((part / Math.max(1, count)) * 100)} %`;
  }
}
