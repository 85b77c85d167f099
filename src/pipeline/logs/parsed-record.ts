import { type Attributes, encodeAttributes } from '../../codec/log-block/attributes.ts';
import type { LogMarks } from '../../codec/log-block/log-block-builder.ts';
import type { FieldValue } from '../../model/rum.ts';
import { bufferOf, type Text, wholeText } from './text.ts';

/** More are not taken out of one line. */
const maxFields = 256;
const maxNameLength = 256;

/** One record on its way through the steps. */
export class ParsedRecord {
  /** A map, so that no name means more than a name. */
  readonly fields = new Map<string, FieldValue>();
  level: number;
  seconds: number;
  nanos: number;
  readonly #flags: number;
  #text: Text;
  #message: string | undefined;

  constructor({ seconds, nanos, flags, level }: LogMarks, text: Text) {
    this.seconds = seconds;
    this.nanos = nanos;
    this.#flags = flags;
    this.level = level;
    this.#text = text;
  }

  get text(): Text {
    return this.#text;
  }

  get message(): string {
    this.#message ??= bufferOf(this.#text).toString();
    return this.#message;
  }

  set message(message: string) {
    this.#message = message;
    this.#text = wholeText(Buffer.from(message));
  }

  /** The message where no field is named. */
  value(field: string | undefined): FieldValue | undefined {
    return field === undefined ? this.message : this.fields.get(field);
  }

  /** The later of two with the same name stays. */
  set(name: string, value: FieldValue): void {
    const isRoom = this.fields.size < maxFields || this.fields.has(name);
    if (isRoom && name !== '' && name.length <= maxNameLength) {
      this.fields.set(name, value);
    }
  }

  marks(): LogMarks {
    const { seconds, nanos, level } = this;
    const marks = { seconds, nanos, flags: this.#flags, level };
    const attributes = this.fields.size === 0 ? undefined : encodeAttributes(this.#attributes());
    return attributes === undefined ? marks : { ...marks, attributes };
  }

  #attributes(): Attributes {
    return Object.fromEntries(this.fields);
  }
}
