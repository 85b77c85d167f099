/**
 * Serves the pages of many targets, in a process of its own that is told by messages what to do. Each target has an address
 * of its own (127.x.y.z), as pods have; each lot of targets is scraped by one peer. Costs little: a page stands in memory as
 * it is sent, and only the digits of its values are written anew.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { type Page, type PagePlan, pageOf, servedValue, valueDigits, visitorLine } from './pages.ts';

export interface LotPlan extends PagePlan {
  /** Counts from 1; part of the addresses. */
  readonly lot: number;
  readonly targets: number;
  /** One line comes or goes every so many scrapes of a target. 0: the page keeps its lines. */
  readonly changeEvery: number;
}

export interface Lot {
  readonly addresses: readonly string[];
}

export interface Served {
  readonly pages: number;
  /** Lines that were sent with those pages. */
  readonly samples: number;
  /** Answers that were cut off. */
  readonly broken: number;
}

export type ToGenerator =
  | { readonly ask: 'lot'; readonly plan: LotPlan }
  /** From now on the lot gets no answer. */
  | { readonly ask: 'hold'; readonly lot: number }
  | { readonly ask: 'served'; readonly lot: number }
  | { readonly ask: 'close'; readonly lot: number };

const requestEnd = '\r\n\r\n';

class TargetPage {
  readonly #plan: LotPlan;
  readonly #target: number;
  readonly #page: Page;
  #scrape = 0;
  #visitor: Buffer | undefined;

  constructor(plan: LotPlan, target: number) {
    this.#plan = plan;
    this.#target = target;
    this.#page = pageOf(plan, target);
  }

  /** The next page, whose bytes change with the one after it, and how many samples it has. */
  next(): { readonly parts: readonly Buffer[]; readonly samples: number } {
    this.#scrape++;
    this.#count();
    this.#change();
    const { body, insertAt } = this.#page;
    const visitor = this.#visitor ?? Buffer.alloc(0);
    const length = body.length + visitor.length;
    const head = `HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: ${length}\r\n\r\n`;
    return {
      parts: [Buffer.from(head, 'latin1'), body.subarray(0, insertAt), visitor, body.subarray(insertAt)],
      samples: this.#plan.series + (this.#visitor === undefined ? 0 : 1),
    };
  }

  #count(): void {
    const { body, valuesAt, ranks } = this.#page;
    for (let i = 0; i < valuesAt.length; i++) {
      let rest = servedValue(this.#target, ranks[i] ?? 0, this.#plan.series, this.#scrape);
      for (let at = (valuesAt[i] ?? 0) + valueDigits - 1; rest > 0; at--) {
        const tens = Math.floor(rest / 10);
        body[at] = 0x30 + rest - tens * 10;
        rest = tens;
      }
    }
  }

  /** Spread over the targets, so that they do not all change at once. */
  #change(): void {
    const { changeEvery } = this.#plan;
    if (changeEvery > 0 && (this.#scrape + this.#target) % changeEvery === 0) {
      this.#visitor = this.#visitor === undefined ? visitorLine(this.#target, this.#scrape) : undefined;
    }
  }
}

class ServedLot {
  readonly #plan: LotPlan;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #held = false;
  #pages = 0;
  #samples = 0;
  #broken = 0;

  constructor(plan: LotPlan) {
    this.#plan = plan;
  }

  async listen(): Promise<Lot> {
    const addresses: string[] = [];
    let port = 0;
    for (let target = 0; target < this.#plan.targets; target++) {
      const page = new TargetPage(this.#plan, target);
      const server = createServer({ noDelay: true }, (socket) => this.#serve(socket, page));
      const host = `127.${this.#plan.lot}.${target >> 8}.${(target & 0xff) + 1}`;
      port = await listening(server, port, host);
      this.#servers.push(server);
      addresses.push(`${host}:${port}`);
    }
    return { addresses };
  }

  hold(): void {
    this.#held = true;
  }

  served(): Served {
    return { pages: this.#pages, samples: this.#samples, broken: this.#broken };
  }

  close(): void {
    for (const server of this.#servers) {
      server.close();
    }
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  #serve(socket: Socket, page: TargetPage): void {
    let request = '';
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      request += chunk.toString('latin1');
      if (request.endsWith(requestEnd)) {
        request = '';
        if (!this.#held) {
          this.#answer(socket, page);
        }
      }
    });
  }

  /** Counted once the kernel has all of it. */
  #answer(socket: Socket, page: TargetPage): void {
    const { parts, samples } = page.next();
    socket.cork();
    parts.forEach((part, i) => {
      if (i < parts.length - 1) {
        socket.write(part);
        return;
      }
      socket.write(part, (error) => {
        if (error) {
          this.#broken++;
        } else {
          this.#pages++;
          this.#samples += samples;
        }
      });
    });
    socket.uncork();
  }
}

function listening(server: Server, port: number, host: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen(port, host, () => {
    const address = server.address();
    resolve(typeof address === 'object' && address !== null ? address.port : 0);
  });
  return promise;
}

const lots = new Map<number, ServedLot>();

async function answerTo(message: ToGenerator): Promise<object> {
  if (message.ask === 'lot') {
    const lot = new ServedLot(message.plan);
    lots.set(message.plan.lot, lot);
    return await lot.listen();
  }
  const lot = lots.get(message.lot);
  if (message.ask === 'hold') {
    lot?.hold();
  } else if (message.ask === 'close') {
    lot?.close();
    lots.delete(message.lot);
  }
  return lot?.served() ?? {};
}

process.on('message', (message: { readonly id: number; readonly body: ToGenerator }) => {
  answerTo(message.body).then(
    (body) => process.send?.({ id: message.id, body }),
    (error: unknown) => process.send?.({ id: message.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
