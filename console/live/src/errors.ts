/** The server refused: `code` is stable, the message is for people. `url` is where to ask instead (`live.elsewhere`). */
export class LiveError extends Error {
  constructor(readonly code: string, message: string, readonly url?: string) {
    super(message);
    this.name = 'LiveError';
  }
}

/** The connection is gone, or nobody answers: it is worth another try. */
export class ConnectionError extends Error {
  override name = 'ConnectionError';
}

const REFUSALS = new Set([
  'live.session_not_found', 'live.session_ended', 'live.room_full', 'live.banned', 'live.not_authorized', 'live.token_refused',
  'live.elsewhere',
]);

/** Whether to ask again is of no use. */
export function isFinal(error: unknown): error is LiveError {
  return error instanceof LiveError && (REFUSALS.has(error.code) || /^http\.4(?!08|25|29)/.test(error.code));
}
