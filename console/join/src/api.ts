// The server, as this page asks it: whoever is signed in is known by the cookie.

import { sentenceIn } from './words.js';

export interface Session {
  _id: string;
  courseId: string;
  roomName: string;
  status: 'scheduled' | 'live' | 'ended';
  startsAt: string;
  recordingEnabled: boolean;
}

/** The page is at `<base>join/<room>`. */
export const room = decodeURIComponent(location.pathname.split('/').pop() ?? '');
const base = new URL('..', location.href);
const session = `sessions/${encodeURIComponent(room)}`;

export const tokenUrl = new URL(`${session}/token?client=stoa`, base);

async function ask<Told>(method: string, path: string, body?: object): Promise<Told> {
  const how: RequestInit = body ? { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : { method };
  const answer = await fetch(new URL(path, base), how);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(sentenceIn(told) || answer.statusText);
  return told as Told;
}

export const readSession = () => ask<Session>('GET', session);
export const courseTitle = async (courseId: string) => (
  (await ask<{ title: string }>('GET', `courses/${encodeURIComponent(courseId)}`).catch(() => null))?.title ?? courseId
);
export const isSignedIn = async () => (await fetch('/auth/me').catch(() => null))?.ok ?? false;
export const signIn = (username: string, password: string) => ask('POST', '/auth/login', { username, password });
export const kick = (userId: string) => ask('POST', `${session}/participants/${encodeURIComponent(userId)}/kick`);
export const startRecording = () => ask('POST', `${session}/start-recording`);
export const stopRecording = () => ask('POST', `${session}/stop-recording`);
export const endClass = (id: string) => ask('PUT', `sessions/${encodeURIComponent(id)}/status`, { status: 'ended' });
