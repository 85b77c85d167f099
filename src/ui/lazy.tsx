import type { ComponentType, VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useSay } from './hooks.ts';

interface LazyProps<P> {
  /** Imports the view; the browser keeps what it imported once. */
  readonly load: () => Promise<ComponentType<P>>;
  readonly props: P;
}

/** A view whose code comes when it is opened first. */
export function Lazy<P extends object>({ load, props }: LazyProps<P>): VNode {
  const say = useSay();
  const [loaded, setLoaded] = useState<{ readonly View?: ComponentType<P>; readonly failed?: boolean }>({});
  useEffect(() => {
    let gone = false;
    const take = (next: { readonly View?: ComponentType<P>; readonly failed?: boolean }): void => {
      if (!gone) {
        setLoaded(next);
      }
    };
    load().then(
      (View) => take({ View }),
      () => take({ failed: true }),
    );
    return () => {
      gone = true;
    };
  }, [load]);
  if (loaded.View !== undefined) {
    return <loaded.View {...props} />;
  }
  return (
    <div class="empty">
      {loaded.failed === true ? (
        <>
          <p>{say('viewMissing')}</p>
          <button type="button" onClick={() => location.reload()}>
            {say('reload')}
          </button>
        </>
      ) : (
        <p>{say('loading')}</p>
      )}
    </div>
  );
}
