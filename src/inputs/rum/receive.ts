import { decodeLineProtocol } from '../../codec/line-protocol/parse.ts';
import { isPrecision, precisions } from '../../codec/line-protocol/precision.ts';
import { hasCode } from '../../contract/errors.ts';
import type { HttpRequest, HttpResponse } from '../../contract/http.ts';
import type { RumPoint } from '../../model/rum.ts';
import { clientAddress } from './client-address.ts';
import { dataKitError } from './datakit-answers.ts';
import { decodeJsonPoints } from './json-points.ts';
import { passedOn } from './point-rules.ts';

export interface ReceiveSettings {
  readonly measurements: ReadonlySet<string>;
  /** Empty: every one. */
  readonly appIds: ReadonlySet<string>;
  /** Lower case. */
  readonly originIpHeader: string;
  readonly tags: Readonly<Record<string, string>>;
}

export type Received =
  | { readonly kind: 'points'; readonly points: readonly RumPoint[] }
  | {
      readonly kind: 'refused';
      readonly items: number;
      readonly reason: 'malformed' | 'not_allowed';
      readonly message: string;
      readonly response: HttpResponse;
    };

/** What DataKit tells of an address without its database of places. */
const unknownPlace = { country: 'unknown', province: 'unknown', city: 'unknown', isp: 'unknown' };

function refused(status: 400 | 403, code: string, message: string, items = 1): Received {
  const reason = status === 403 ? 'not_allowed' : 'malformed';
  return { kind: 'refused', items, reason, message, response: dataKitError(status, code, message) };
}

/**
 * Reads a request of the browser SDK to the end of what can be said without storing it, all or nothing, as DataKit does.
 * Synchronous and pure.
 */
export function receive(request: HttpRequest, settings: ReceiveSettings, nowMs: number): Received {
  if (request.body.length === 0) {
    return refused(400, 'emptyBody', 'empty body');
  }
  const precision = request.query.get('precision') ?? '';
  if (precision !== '' && !isPrecision(precision)) {
    return refused(400, 'invalidPrecision', `invalid precision: there are ${precisions.join(', ')}`);
  }
  const options = { nowNanos: BigInt(Math.trunc(nowMs)) * 1_000_000n, ...(isPrecision(precision) && { precision }) };
  const type = (request.headers['content-type'] ?? '').toLowerCase();
  if (/\/(?:protobuf|pbjson|x-protobuf)/.test(type)) {
    return refused(400, 'invalidProtobufPoint', 'points are taken as line protocol or JSON, not as protobuf');
  }
  const isJson = type.includes('application/json');
  let points: readonly RumPoint[];
  try {
    points = (isJson ? decodeJsonPoints : decodeLineProtocol)(request.body, options);
  } catch (error) {
    if (!hasCode(error, 'BRIDGE_DECODE')) {
      throw error;
    }
    return refused(400, isJson ? 'invalidJsonPoint' : 'invalidLinePoint', error.message);
  }
  return points.length === 0 ? refused(400, 'noPoints', 'no points') : checked(points, request, settings);
}

function checked(points: readonly RumPoint[], request: HttpRequest, settings: ReceiveSettings): Received {
  for (const [index, point] of points.entries()) {
    const fault = faultOf(point, settings);
    if (fault !== undefined) {
      return refused(fault.status, fault.code, `point ${index + 1}: ${fault.message}`, points.length);
    }
  }
  const ip = clientAddress(request, settings.originIpHeader);
  const tags = { ...(ip === '' ? {} : { ip }), ...unknownPlace, ...settings.tags };
  return { kind: 'points', points: points.map((point) => passedOn(point, tags)) };
}

interface Fault {
  readonly status: 400 | 403;
  readonly code: string;
  readonly message: string;
}

function faultOf(point: RumPoint, { measurements, appIds }: ReceiveSettings): Fault | undefined {
  const appId = point.tags['app_id'] ?? point.fields['app_id'];
  if (typeof appId !== 'string' || appId === '') {
    return { status: 400, code: 'invalidRUMPoint', message: 'it has no app_id' };
  }
  if (appIds.size > 0 && !appIds.has(appId)) {
    const message = `RUM app_id not in the white list: ${appId}`;
    return { status: 403, code: 'RUMApp_idNotInTheWhiteList', message };
  }
  if (!measurements.has(point.measurement)) {
    const message = `unknown RUM measurement: ${point.measurement.slice(0, 100)}`;
    return { status: 400, code: 'unknownRUMMeasurement', message };
  }
  if (point.measurement === 'error' && typeof (point.tags['sdk_name'] ?? point.fields['sdk_name']) !== 'string') {
    return { status: 400, code: 'invalidRUMPoint', message: 'it is an error without sdk_name' };
  }
  return undefined;
}
