/** What Node, OpenSSL and undici say of an error; texts are empty where they say nothing. */
export interface SystemError {
  readonly code: string;
  readonly message: string;
}

export function systemErrorOf(error: unknown): SystemError {
  const isObject = typeof error === 'object' && error !== null;
  return {
    code: isObject && 'code' in error ? String(error.code) : '',
    message: isObject && 'message' in error ? String(error.message) : '',
  };
}
