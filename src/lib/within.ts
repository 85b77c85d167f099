/** Waits that long and no longer. Rejects as the promise does, while it is waited for. */
export async function withinMs(ms: number, promise: Promise<unknown>): Promise<'done' | 'late'> {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), ms);
  try {
    return await Promise.race([promise.then(() => 'done' as const), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
