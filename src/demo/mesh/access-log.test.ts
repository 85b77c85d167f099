import { expect, test } from '@jest/globals';
import { accessLogFields } from './access-log.ts';

test('the access log has the 24 keys of Istio, and the trace id', () => {
  expect(Object.keys(accessLogFields)).toHaveLength(25);
  expect(accessLogFields).toMatchObject({ trace_id: '%TRACE_ID%', response_flags: '%RESPONSE_FLAGS%' });
});
