import { ConnectionError, LiveError } from './errors.js';

/**
 * Asks the server for a token whenever one is needed, as whoever is signed in: `tokens('/live/sessions/<name>/token?client=stoa')`.
 * What it throws has the code `http.<status>`, and the server's sentence.
 */
export function tokens(url: string | URL, init: RequestInit = {}): () => Promise<string> {
  return async () => {
    const answer = await fetch(url, { method: 'POST', ...init }).catch(() => {
      throw new ConnectionError('The server can not be reached.');
    });
    const told = (await answer.json().catch(() => ({}))) as { token?: string; message?: string; error?: string };
    if (answer.ok && told.token) return told.token;
    throw new LiveError(`http.${answer.status}`, told.message ?? told.error ?? answer.statusText);
  };
}
