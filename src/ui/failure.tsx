import type { VNode } from 'preact';
import { isAway } from './http.ts';

/** Why a view has no answer. That the daemon is away stands above every view already. */
export function Failure({ error }: { readonly error: unknown }): VNode | null {
  if (!(error instanceof Error) || isAway(error)) {
    return null;
  }
  return (
    <p class="notice bad" role="alert">
      {error.message}
    </p>
  );
}
