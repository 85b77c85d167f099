import { z } from 'zod';
import { type ApiClient, ApiRefusal } from './api-client.ts';

export interface SecretPlace {
  readonly namespace: string;
  readonly name: string;
}

/** A core/v1 Secret whose values are text. */
export interface SecretObject {
  readonly values: Readonly<Record<string, string>>;
  /** All of it, so that what others wrote into it is kept. */
  readonly object: Readonly<Record<string, unknown>>;
}

const secretSchema = z.looseObject({ data: z.record(z.string(), z.string()).nullish() });

/** Undefined where there is none. Throws ApiRefusal, and errors of the network as they are. */
export async function readSecret(
  api: ApiClient,
  place: SecretPlace,
  signal: AbortSignal,
): Promise<SecretObject | undefined> {
  try {
    return secretOf(await api.get(pathOf(place), signal));
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) {
      return undefined;
    }
    throw error;
  }
}

/** Throws ApiRefusal: 409 where somebody else was faster. */
export async function createSecret(
  api: ApiClient,
  { place, values }: { readonly place: SecretPlace; readonly values: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<SecretObject> {
  const { namespace, name } = place;
  const labels = { 'app.kubernetes.io/name': 'meshbridge', 'app.kubernetes.io/managed-by': 'meshbridge' };
  const metadata = { namespace, name, labels };
  const object = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data: encoded(values) };
  return secretOf(await api.send('POST', collectionOf(namespace), object, signal));
}

/** Adds values, of which those that are there and not empty win. The server takes it only if nobody changed it since it was read. */
export async function addToSecret(
  api: ApiClient,
  {
    secret,
    place,
    values,
  }: { readonly secret: SecretObject; readonly place: SecretPlace; readonly values: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<SecretObject> {
  const there = Object.entries(secret.values).filter(([, value]) => value !== '');
  const data = encoded({ ...values, ...Object.fromEntries(there) });
  return secretOf(await api.send('PUT', pathOf(place), { ...secret.object, data }, signal));
}

function secretOf(object: unknown): SecretObject {
  const secret = secretSchema.parse(object);
  const values = Object.entries(secret.data ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value, 'base64').toString(),
  ]);
  return { values: Object.fromEntries(values), object: secret };
}

function encoded(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
}

function collectionOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/secrets`;
}

function pathOf({ namespace, name }: SecretPlace): string {
  return `${collectionOf(namespace)}/${name}`;
}
