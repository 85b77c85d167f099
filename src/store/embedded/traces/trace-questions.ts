import { BridgeError } from '../../../contract/errors.ts';
import type { Answer, Question } from '../../../contract/store.ts';
import type { Slice } from '../slice.ts';
import { dependencyLinks } from './dependencies.ts';
import { answerDerived, offeredValues } from './derived/derived-questions.ts';
import type { DerivedRows } from './derived/derived-rows.ts';
import { answerExemplars } from './exemplars.ts';
import { Names } from './names.ts';
import { searchTraces } from './search.ts';
import { jaegerList, type TraceList, zipkinList } from './trace-list.ts';
import { readTrace, spansOf, type TraceSource, traceJson } from './trace-reader.ts';

export type TraceQuestion = Extract<
  Question,
  { readonly kind: `zipkin.${string}` | `jaeger.${string}` | `traces.${string}` }
>;

export function isTraceQuestion(question: Question): question is TraceQuestion {
  return ['zipkin.', 'jaeger.', 'traces.'].some((group) => question.kind.startsWith(group));
}

/** A longer answer is refused: it would not fit in memory beside the rest. */
const maxAnswerLength = 128 * 1024 * 1024;

/** Puts questions to the partitions and gives the bytes of the answer. */
export class TraceQuestions {
  readonly #source: TraceSource;
  readonly #derived: DerivedRows;
  readonly #names = new Names();

  constructor(source: TraceSource, derived: DerivedRows) {
    this.#source = source;
    this.#derived = derived;
  }

  async answer(question: TraceQuestion, slice: Slice): Promise<Answer> {
    const answer = await this.#answer(question, slice);
    for (const partition of this.#source.partitions) {
      partition.forget();
    }
    return answer;
  }

  async #answer(question: TraceQuestion, slice: Slice): Promise<Answer> {
    const { partitions } = this.#source;
    switch (question.kind) {
      case 'zipkin.services':
        return list(this.#names.services(partitions));
      case 'zipkin.spans':
        return list(this.#names.spans(partitions, question.serviceName));
      case 'zipkin.remoteServices':
        return list(this.#names.remotes(partitions, question.serviceName));
      case 'zipkin.trace': {
        const places = readTrace(this.#source, question.traceId);
        return { ...json(traceJson(places)), count: places.length };
      }
      case 'zipkin.traceMany':
        return this.#traces(question.traceIds, zipkinList, slice);
      case 'zipkin.traces':
        return this.#traces(await searchTraces(this.#source, question.query, slice), zipkinList, slice);
      case 'jaeger.trace':
        return this.#traces([question.traceId], await jaegerList(question.encoding), slice);
      case 'jaeger.traces': {
        const found = await searchTraces(this.#source, question.query, slice);
        return this.#traces(found, await jaegerList(question.encoding), slice);
      }
      case 'zipkin.dependencies': {
        const maxMicros = question.endTsMs * 1000;
        const range = { minMicros: maxMicros - question.lookbackMs * 1000, maxMicros };
        const links = dependencyLinks(await this.#derived.linkTotals(range, slice));
        return { ...json(JSON.stringify(links)), count: links.length };
      }
      case 'traces.red':
      case 'traces.graph':
      case 'traces.workloads':
        return answerDerived(this.#derived, question, slice);
      case 'traces.exemplars':
        return answerExemplars(this.#source, question, slice);
      case 'traces.pin':
        return this.#pin(question.traceId);
      case 'traces.unpin': {
        const count = (await this.#source.pins.unpin(question.traceId)) ? 1 : 0;
        return { ...json('{}'), count };
      }
      case 'traces.pins': {
        const pins = this.#source.pins.list();
        return { ...json(JSON.stringify(pins)), count: pins.traces.length };
      }
      case 'zipkin.autocompleteKeys':
        return list(this.#source.offeredTags);
      case 'zipkin.autocompleteValues':
        return list(await offeredValues(this.#derived, question.key, slice));
      default:
        question satisfies never;
        throw new BridgeError('BRIDGE_NOT_FOUND', 'the store does not know this question');
    }
  }

  async #pin(traceId: string): Promise<Answer> {
    const spans = spansOf(readTrace(this.#source, traceId));
    if (spans.length === 0) {
      return { ...json('{}'), count: 0 };
    }
    const { pins } = this.#source;
    const facts = await pins.pin(spans, pins.find(traceId)?.pinnedAtMs ?? this.#derived.nowMs);
    return { ...json(JSON.stringify(facts)), count: 1 };
  }

  async #traces(traceIds: readonly string[], list: TraceList, slice: Slice): Promise<Answer> {
    const traces: Uint8Array[] = [];
    let length = 0;
    for (const traceId of traceIds) {
      const places = readTrace(this.#source, traceId);
      if (places.length > 0) {
        const trace = list.one(places);
        traces.push(trace);
        length += trace.length;
      }
      if (length > maxAnswerLength) {
        throw new BridgeError('BRIDGE_TOO_LARGE', 'the traces found are too many for one answer; ask for fewer');
      }
      if (slice.over) {
        await slice.yield();
      }
    }
    return { contentType: list.contentType, body: list.all(traces), count: traces.length };
  }
}

function list(names: readonly string[]): Answer {
  return { ...json(JSON.stringify(names)), count: names.length };
}

function json(text: string): { contentType: string; body: Uint8Array } {
  return { contentType: 'application/json', body: Buffer.from(text) };
}
