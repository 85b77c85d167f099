import type { AppContext, MakeApplication } from '../bookinfo/application.ts';
import { details } from '../bookinfo/details.ts';
import { HealthServer } from '../bookinfo/health.ts';
import { Mongodb } from '../bookinfo/mongodb.ts';
import { productpage } from '../bookinfo/productpage.ts';
import { ratings } from '../bookinfo/ratings.ts';
import { reviews } from '../bookinfo/reviews.ts';
import { Service } from '../bookinfo/service.ts';
import type { PodAddress } from './addresses.ts';
import type { Place } from './place.ts';

const applications: Readonly<Record<string, MakeApplication>> = { productpage, details, reviews, ratings };

/** One listener of a container. */
interface Listener {
  start(at: Place): Promise<void>;
  stop(): Promise<void>;
}

/** The application of one pod, with all its listeners. Started once; who wants it again makes a new one. */
export class AppContainer {
  readonly #listeners: readonly (readonly [Listener, Place])[];

  constructor(context: AppContext, { ip: host, app, health, outbound, tcp }: PodAddress) {
    const make = applications[context.workload.app];
    const out = { http: { host, port: outbound }, tcp: { host, port: tcp } };
    const main: readonly [Listener, Place] =
      make === undefined
        ? [new Mongodb(context.write), { host, port: tcp }]
        : [new Service(make, context, out), { host, port: app }];
    this.#listeners = make === details ? [main, [new HealthServer(), { host, port: health }]] : [main];
  }

  async start(): Promise<void> {
    for (const [listener, at] of this.#listeners) {
      await listener.start(at);
    }
  }

  /** May be called where it did not start. */
  async stop(): Promise<void> {
    await Promise.all(this.#listeners.map(([listener]) => listener.stop()));
  }
}
