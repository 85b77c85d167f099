import type { Answer, Question, StoreReader } from '../../src/contract/store.ts';

export interface FakeStoreReader extends StoreReader {
  readonly asked: Question[];
}

/** Keeps what it is asked; answers with the text, or fails as told. A question that is never answered ends with its signal. */
export function fakeStoreReader(answer: string | Error | 'never' = '[]'): FakeStoreReader {
  const asked: Question[] = [];
  return {
    asked,
    ask(question: Question, signal?: AbortSignal): Promise<Answer> {
      asked.push(question);
      if (answer === 'never') {
        return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      }
      return typeof answer === 'string'
        ? Promise.resolve({ contentType: 'application/json', body: Buffer.from(answer), count: 1 })
        : Promise.reject(answer);
    },
  };
}
