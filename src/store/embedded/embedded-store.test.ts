import { describeStore } from '../../../test/contracts/store-contract.ts';
import { plainSpanDecoder } from '../../../test/fakes/requests.ts';
import { EmbeddedStore } from './embedded-store.ts';

describeStore({
  name: 'embedded',
  create: ({ dir, clock, retentionMs }) =>
    new EmbeddedStore({ dir, clock, retentionMs, maxBytes: 1e9, decodeSpans: plainSpanDecoder.spans }),
});
