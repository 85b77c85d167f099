import { describeLogStore } from '../../../test/contracts/log-store-contract.ts';
import { describeMetricStore } from '../../../test/contracts/metric-store-contract.ts';
import { describeStore, type StoreSubject } from '../../../test/contracts/store-contract.ts';
import { plainSpanDecoder } from '../../../test/fakes/requests.ts';
import { EmbeddedStore } from './embedded-store.ts';

const embedded: StoreSubject = {
  name: 'embedded',
  create: ({ dir, clock, retentionMs }) =>
    new EmbeddedStore({ dir, clock, retentionMs, maxBytes: 1e9, decodeSpans: plainSpanDecoder.spans }),
};

describeStore(embedded);
describeLogStore(embedded);
describeMetricStore(embedded);
