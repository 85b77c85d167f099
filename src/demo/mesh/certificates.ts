import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

/** PEM texts. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** Numbers of X.509 (RFC 5280) and of ECDSA (RFC 5758). */
const oids = {
  organization: '2.5.4.10',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

const hourMs = 3_600_000;
const validMs = 365 * 24 * hourMs;

/** Tag, length, value (X.690 §8.1). */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const octets = (value: Buffer): Buffer => der(0x04, value);
const isTrue = der(0x01, Buffer.from([0xff]));
const bits = (value: Buffer, unused = 0): Buffer => der(0x03, Buffer.from([unused]), value);

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((number) => {
    const groups = [number & 0x7f];
    for (let left = number >> 7; left > 0; left >>= 7) {
      groups.unshift((left & 0x7f) | 0x80);
    }
    return groups;
  });
  return der(0x06, Buffer.from(bytes));
}

/** UTCTime, good until 2049 (RFC 5280 §4.1.2.5.1). */
function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

function extension(id: string, value: Buffer, critical: readonly Buffer[] = []): Buffer {
  return sequence(oid(id), ...critical, octets(value));
}

interface CertificatePlan {
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

/** The authority of one mesh. Nothing of it is kept: each start has one of its own. */
export class Authority {
  readonly #key: KeyObject;
  readonly #name: Buffer;
  readonly #nowMs: number;
  /** PEM, for those who trust it. */
  readonly certificate: string;

  /** `trustDomain` is its organization, as istiod has it. */
  constructor(trustDomain: string, nowMs: number) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    this.#nowMs = nowMs;
    const organization = sequence(oid(oids.organization), der(0x0c, Buffer.from(trustDomain)));
    this.#name = sequence(der(0x31, organization));
    const extensions = [
      extension(oids.basicConstraints, sequence(isTrue), [isTrue]),
      // keyCertSign alone.
      extension(oids.keyUsage, bits(Buffer.from([0b0000_0100]), 2), [isTrue]),
    ];
    this.certificate = this.#sign({ subject: this.#name, publicKey, extensions });
  }

  /** A certificate for both ends of a connection whose only name is a URI, such as `spiffe://cluster.local/ns/default/sa/x`. */
  issue(uri: string): Identity {
    return this.#identity(der(0x86, Buffer.from(uri)));
  }

  /** The same for a server that is reached by an IPv4 address. */
  issueServer(ip: string): Identity {
    return this.#identity(der(0x87, Buffer.from(ip.split('.').map(Number))));
  }

  /** `name`: a GeneralName (RFC 5280 §4.2.1.6). */
  #identity(name: Buffer): Identity {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const extensions = [
      // digitalSignature alone.
      extension(oids.keyUsage, bits(Buffer.from([0b1000_0000]), 7), [isTrue]),
      extension(oids.extendedKeyUsage, sequence(oid(oids.serverAuth), oid(oids.clientAuth))),
      // Critical, since there is no other name (RFC 5280 §4.2.1.6).
      extension(oids.subjectAltName, sequence(name), [isTrue]),
    ];
    const certificate = this.#sign({ subject: sequence(), publicKey, extensions });
    return { certificate, key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) };
  }

  #sign({ subject, publicKey, extensions }: CertificatePlan): string {
    const algorithm = sequence(oid(oids.ecdsaWithSha256));
    // A first byte of 0x01 keeps it positive and of one length.
    const serial = der(0x02, Buffer.from([1]), randomBytes(15));
    const body = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      serial,
      algorithm,
      this.#name,
      sequence(time(this.#nowMs - hourMs), time(this.#nowMs + validMs)),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions)),
    );
    const signature = createSign('SHA256').update(body).sign(this.#key);
    const base64 = sequence(body, algorithm, bits(signature)).toString('base64');
    return `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  }
}
