import type { VNode } from 'preact';
import { Copyable } from './copyable.tsx';
import { countText } from './format.ts';
import { usePolled, useSay } from './hooks.ts';
import { loadDoctor, type SamplingView } from './services-api.ts';
import type { TextKey } from './texts.ts';

const unknowns: Readonly<Record<string, TextKey>> = {
  noSpans: 'sampling_noSpans',
  noMetrics: 'sampling_noMetrics',
  noRequests: 'sampling_noRequests',
  few: 'sampling_few',
  apart: 'sampling_apart',
};

const howTo = [
  'kubectl apply -f - <<END',
  'apiVersion: telemetry.istio.io/v1',
  'kind: Telemetry',
  'metadata: { name: mesh-default, namespace: istio-system }',
  'spec: { tracing: [{ randomSamplingPercentage: 100 }] }',
  'END',
  '',
  'istioctl install --set meshConfig.defaultConfig.tracing.sampling=100',
  '',
  'istioctl install --set values.pilot.traceSampling=100   # PILOT_TRACE_SAMPLING',
].join('\n');

/** What share of the requests is traced, who breaks traces, and what to do about either. */
export function TraceDoctor({ live }: { readonly live: boolean }): VNode | null {
  const say = useSay();
  const doctor = usePolled(loadDoctor, { everyMs: 15_000, key: 'doctor', paused: !live });
  if (doctor.value === undefined) {
    return null;
  }
  const { sampling, propagation } = doctor.value;
  const losing = propagation.filter(({ verdict }) => verdict === 'loses');
  return (
    <section class="trace-doctor">
      {sampling.unknown !== 'noSpans' && <SamplingNote sampling={sampling} />}
      {losing.map(({ service, workload, lost, calls }) => (
        <p key={`${service} ${workload}`} class="notice warn" data-losing={service}>
          {say('propagationLost', { service, lost: countText(lost), calls: countText(calls) })}
        </p>
      ))}
    </section>
  );
}

/** Beside every number that is counted from traces. */
export function SamplingNote({ sampling }: { readonly sampling: SamplingView }): VNode {
  const say = useSay();
  const { rate, unknown = '', applied } = sampling;
  const sentence =
    rate === undefined
      ? say(unknowns[unknown] ?? 'sampling_few')
      : say('samplingKnown', { percent: percentText(rate) });
  return (
    <div class="sampling" data-sampling={rate ?? unknown}>
      <span class={rate === undefined || rate >= 0.5 ? 'muted' : 'warn'}>{sentence}</span>{' '}
      {applied
        .filter((share) => share < 1)
        .map((share) => (
          <span key={share} class="muted">
            {say('samplingKept', { percent: percentText(share) })}
          </span>
        ))}
      {(rate === undefined || rate < 0.95) && (
        <details>
          <summary>{say('samplingChange')}</summary>
          <p class="muted">{say('samplingHow')}</p>
          <Copyable text={howTo} />
        </details>
      )}
    </div>
  );
}

export function percentText(share: number): string {
  const percent = share * 100;
  return `${percent === 0 || percent >= 10 ? percent.toFixed(0) : Number(percent.toPrecision(2))} %`;
}
