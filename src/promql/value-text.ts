/** A value in Prometheus' JSON and labels: the shortest decimal that means it, `NaN`, `+Inf`, `-Inf`. */
export function valueText(value: number): string {
  if (Number.isFinite(value)) {
    return Object.is(value, -0) ? '-0' : String(value);
  }
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
