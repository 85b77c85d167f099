import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { useSay } from './hooks.ts';
import { ApiError, login } from './http.ts';

/** Asks for the token and hands it to the daemon; the answer is a cookie. */
export function Login({ onOpen }: { readonly onOpen: () => void }): VNode {
  const say = useSay();
  const field = useRef<HTMLInputElement>(null);
  const [refusal, setRefusal] = useState('');
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      await login(field.current?.value ?? '', AbortSignal.timeout(15_000));
      onOpen();
    } catch (error) {
      const known = error instanceof ApiError && error.status === 401;
      setRefusal(known || !(error instanceof Error) ? say('wrongToken') : error.message);
    }
  };
  return (
    <main class="login">
      <h1>{say('loginTitle')}</h1>
      <p>{say('loginText')}</p>
      <form onSubmit={submit}>
        <label>
          {say('token')}{' '}
          <input ref={field} name="token" type="password" autocomplete="current-password" required={true} />
        </label>
        <button type="submit">{say('open')}</button>
      </form>
      {refusal !== '' && (
        <p class="notice bad" role="alert">
          {refusal}
        </p>
      )}
    </main>
  );
}
