// What happened, in plain words.

const OUT: Record<string, string> = {
  left: 'You left the class.',
  kicked: 'The teacher removed you from the class. You may ask to come back.',
  ended: 'The class has ended.',
  'room-closed': 'The class has ended.',
  replaced: 'You joined this class in another tab or on another device, so this one was closed.',
  'logged-out': 'You signed out, so you left the class.',
  'live.session_ended': 'The class has ended.',
  'live.session_not_found': 'There is no such class any more.',
  'live.room_full': 'The class is full. Try again when somebody has left.',
  'live.banned': 'The teacher does not let you come back to this class.',
  'live.token_refused': 'Your place in the class is gone. Join again.',
};

/** Why one is out, by its reason; `sentence` is the server's own, for reasons that have no words here. */
export function whyOut(reason: string, sentence = ''): string {
  return OUT[reason] ?? (sentence && sentence !== reason ? asSentence(sentence) : 'You are not in the class any more.');
}

/** Whether joining again can be of any use. */
export function mayReturn(reason: string): boolean {
  return !['ended', 'room-closed', 'live.session_ended', 'live.session_not_found', 'live.banned'].includes(reason);
}

const REFUSED: Record<string, string> = {
  'This session is full': 'The class is full. Try again when somebody has left.',
  'This session has ended': 'The class has ended.',
  'Session not found': 'There is no such class.',
};

/** Why one could not come in. */
export function whyNot(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (REFUSED[message]) return REFUSED[message];
  if (message.startsWith('Not authorized to join')) return 'You are not enrolled in this course, so you can not join its class.';
  if (message.startsWith('You may not join')) return 'The teacher does not let you come back to this class.';
  return asSentence(message);
}

/** The server's own sentence in the body of an error: its kinds say it in different places. */
export function sentenceIn(body: unknown): string {
  if (typeof body === 'string') return body;
  const { message, error } = (body ?? {}) as { message?: unknown; error?: unknown };
  if (typeof message === 'string') return message;
  return error === undefined ? '' : sentenceIn(error);
}

/** Of one device, and of two that fail for the same reason. */
const DEVICE: Record<string, readonly [string, string]> = {
  NotAllowedError: [
    'is blocked. Allow it in the address bar of your browser, then try again.',
    'are blocked. Allow them in the address bar of your browser, then try again.',
  ],
  NotFoundError: ['was not found.', 'were not found.'],
  NotReadableError: ['is in use by another application.', 'are in use by another application.'],
  OverconstrainedError: ['was not found.', 'were not found.'],
  NotSupportedError: ['can only be used on a page with HTTPS.', 'can only be used on a page with HTTPS.'],
};

/** Why a microphone or a camera is missing; empty where none is. */
export function whyNoDevice({ mic, camera }: { mic?: { name: string }; camera?: { name: string } }): string {
  const why = ({ name }: { name: string }, number: 0 | 1) => DEVICE[name]?.[number] ?? ['does not work.', 'do not work.'][number];
  if (mic && camera && mic.name === camera.name) return `Your microphone and your camera ${why(mic, 1)}`;
  return [mic && `Your microphone ${why(mic, 0)}`, camera && `Your camera ${why(camera, 0)}`].filter(Boolean).join(' ');
}

/** Why one's screen is not shared; empty for who only changed their mind. */
export function whyNoScreen({ name }: { name: string }): string {
  return name === 'NotAllowedError' || name === 'AbortError' ? '' : 'Your screen can not be shared: the system does not let the browser.';
}

/** What the teacher does not let one use; empty where one may use all. */
export function whatIsHeld(held: ReadonlySet<'mic' | 'camera'>): string {
  const devices = [held.has('mic') && 'microphone', held.has('camera') && 'camera'].filter(Boolean).join(' and your ');
  return devices && `The teacher turned your ${devices} off for this class.`;
}

/** When a class begins, as seen from now: `today at 14:00`. */
export function when(start: Date, now: Date, locale?: string): string {
  const time = start.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
  const days = Math.round((day(start) - day(now)) / 86_400_000);
  if (days === 0) return `today at ${time}`;
  if (days === 1) return `tomorrow at ${time}`;
  return `on ${start.toLocaleDateString(locale, { weekday: 'long', day: 'numeric', month: 'long' })} at ${time}`;
}

function day(date: Date): number {
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
}

/** One or two letters that stand for a name where there is no picture. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? '')][0]?.toUpperCase() ?? '').join('') || '?';
}

function asSentence(text: string): string {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
