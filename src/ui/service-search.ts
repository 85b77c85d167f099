import { type TimeSpan, timeSpanOf, usualRange } from './time-span.ts';

export interface ServiceSearch extends TimeSpan {
  /** Whose operations are listed; '' for none. */
  readonly service: string;
}

export const anyService: ServiceSearch = { service: '', range: usualRange };

export function serviceSearchOf(params: URLSearchParams): ServiceSearch {
  return { service: params.get('service') ?? '', ...timeSpanOf(params) };
}
